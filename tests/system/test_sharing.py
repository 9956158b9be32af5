"""docs/share.md and the mirror of docs/s3.md, command by command, against a real S3 server: what one has published, others get, whole."""

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from project import ROOT, commit, contents, copy_again, must_run, replace, results, stages_run
from s3_server import S3Server

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("clean_aws")]

UP_TO_DATE = "Data and pipelines are up to date.\n"
PAGE = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("share.md", "s3.md"))


class Shared:
    """A project whose outputs lie in a bucket, and whose commits lie in a bare Git repository, the hub."""

    def __init__(self, project: Path, folder: Path, server: S3Server, bucket: str):
        self.project, self.folder, self.server, self.bucket = project, folder, server, bucket
        self.hub = folder / "hub.git"
        server.files().call_s3("create_bucket", Bucket=bucket)
        replace(project, ".dvc/config", "s3://data-project-template/dvc", f"s3://{bucket}/dvc")
        commit(project)
        must_run(folder, "git", "init", "--quiet", "--bare", "--initial-branch=main", self.hub)
        must_run(project, "git", "remote", "add", "origin", self.hub)
        self.follow("Publish a version")

    def follow(self, heading: str, number: int = 0, folder: Path | None = None, **words: str) -> str:
        """Do in a folder (the project) what a block of code under a heading of the page says; return what it prints."""
        section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
        language, code = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)[number]
        for word, meaning in {"REPO": str(self.hub), "BUCKET": self.bucket, **words}.items():
            code = code.replace(word, meaning)
        command = ("bash", "-euc") if language == "sh" else (sys.executable, "-c")
        return self.run(folder or self.project, *command, code)

    def run(self, folder: Path, *command: str) -> str:
        return must_run(folder, *command, **self.server.environment())

    def clone(self, *pull: str) -> Path:
        """Clone the hub, and pull if told so."""
        clone = self.folder / "clone"
        must_run(self.folder, "git", "clone", "--quiet", self.hub, clone)
        if pull:
            self.run(clone, *pull)
        return clone

    def objects(self) -> set[str]:
        """The objects in the bucket."""
        return set(self.server.files().find(f"{self.bucket}/dvc/files"))

    def hashes(self) -> set[str]:
        return {"".join(name.split("/")[-2:]) for name in self.objects()}


def share(project: Path, folder: Path, server: S3Server) -> Shared:
    return Shared(project, folder, server, f"b-{abs(hash(folder)):x}")


@pytest.fixture
def shared(project: Path, tmp_path: Path, s3_server: S3Server) -> Shared:
    """A published project for one test to change."""
    return share(project, tmp_path, s3_server)


@pytest.fixture(scope="module")
def kept(reproduced_small: Path, tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Shared:
    """A published project for tests that only read it."""
    folder = tmp_path_factory.mktemp("kept")
    return share(copy_again(reproduced_small, folder / "project"), folder, s3_server)


def is_up_to_date(project: Path) -> bool:
    said = must_run(project, "dvc", "repro")
    return stages_run(said) == [] and said.endswith(UP_TO_DATE)


def change_gate(project: Path, minimum: str = "0.45") -> None:
    """Change what makes the last two stages run again, and changes what they write."""
    replace(project, "params.yaml", "roc_auc: {min: 0.5}", f"roc_auc: {{min: {minimum}}}")


def publish_next(shared: Shared) -> None:
    """Publish version 1.1: other features in it."""
    replace(shared.project, "params.yaml", "test_share: 0.25", "test_share: 0.3")
    must_run(shared.project, "dvc", "repro")
    commit(shared.project)
    must_run(shared.project, "git", "tag", "v1.1")
    shared.run(shared.project, "dvc", "push", "--quiet")
    must_run(shared.project, "git", "push", "--quiet", "origin", "main", "v1.1")


def test_another_clone_gets_all_of_it(kept: Shared, tmp_path: Path):
    kept.follow("Get all of it", folder=tmp_path)
    clone = tmp_path / "project"
    assert results(clone) == results(kept.project)
    assert is_up_to_date(clone)


def test_one_output_comes_alone_and_a_fetched_one_without_a_server(kept: Shared, tmp_path: Path):
    clone = tmp_path / "clone"
    must_run(tmp_path, "git", "clone", "--quiet", kept.hub, clone)
    kept.run(clone, "dvc", "fetch", "data/ready")
    assert not (clone / "data" / "ready").exists()
    must_run(clone, "dvc", "checkout", "data/ready")  # no endpoint, no keys
    assert contents(clone, ["data/ready"]) == contents(kept.project, ["data/ready"])
    assert not (clone / "models").exists()


def test_data_in_the_bucket_are_enough_where_their_source_is_gone(shared: Shared):
    files, project = shared.server.files(), shared.project
    source = f"{shared.bucket}/source/flights.csv.gz"
    files.put_file(project / "data/source/flights.csv.gz", source)
    replace(project, "params.yaml", "data/source/flights.csv.gz", f"s3://{source}")
    shared.run(project, "dvc", "repro")
    commit(project)
    shared.run(project, "dvc", "push", "--quiet")
    must_run(project, "git", "push", "--quiet", "origin", "main")
    files.rm_file(source)
    clone = shared.clone("dvc", "pull", "--quiet")
    assert results(clone) == results(project)
    replace(clone, "params.yaml", "max: 600", "max: 300")
    assert stages_run(must_run(clone, "dvc", "repro", "clean")) == ["check", "clean"]


def test_another_program_may_copy_the_objects(kept: Shared, tmp_path: Path):
    """As docs/s3.md has s5cmd do it."""
    cache, objects, files = ".dvc/cache/files/md5/", f"{kept.bucket}/copied/files/md5/", kept.server.files()
    project = copy_again(kept.project, tmp_path / "project")
    must_run(project, "dvc", "remote", "modify", "storage", "url", f"s3://{kept.bucket}/copied")
    files.put(f"{project / cache}/", objects, recursive=True)
    assert kept.run(project, "dvc", "push") == "Everything is up to date.\n"
    clone = tmp_path / "clone"
    must_run(tmp_path, "git", "clone", "--quiet", project, clone)
    files.get(objects, f"{clone / cache}/", recursive=True)
    must_run(clone, "dvc", "checkout")
    assert results(clone) == results(project)


def test_one_thing_comes_without_the_project(kept: Shared, tmp_path: Path):
    assert kept.follow("Get one thing without the project", folder=tmp_path) == "schema.json\ntest\ntrain\n"
    assert contents(tmp_path, ["model.skops"]) == {
        "model.skops": contents(kept.project, ["models"])["models/model.skops"]
    }
    length = len((kept.project / "data" / "ready" / "schema.json").read_text())
    assert kept.follow("Get one thing without the project", 1, tmp_path) == f"{length}\n"


def test_another_project_imports_and_follows(shared: Shared, tmp_path: Path):
    other = tmp_path / "other"
    must_run(tmp_path, "git", "init", "--quiet", other)
    must_run(other, "dvc", "init", "--quiet")
    heading = "Use it in another project, and follow its versions"
    shared.follow(heading, folder=other)
    first = contents(shared.project / "data/ready", ["."])
    assert contents(other / "flights", ["."]) == first
    publish_next(shared)
    shared.follow(heading, 1, other)
    assert contents(other / "flights", ["."]) == contents(shared.project / "data/ready", ["."]) != first


def test_an_older_version_comes_back(shared: Shared):
    first = results(shared.project)
    publish_next(shared)
    second = results(shared.project)
    assert second != first
    shared.follow("Go back to an older version")
    assert results(shared.project) == first
    clone = shared.clone("dvc", "pull", "--quiet")
    assert results(clone) == second
    must_run(clone, "git", "checkout", "--quiet", "v1.0")
    shared.run(clone, "dvc", "pull", "--quiet")
    assert results(clone) == first


def test_a_commit_is_taken_over_without_running_it(shared: Shared):
    clone = shared.clone("dvc", "pull", "--quiet")
    publish_next(shared)
    must_run(clone, "git", "pull", "--quiet")
    shared.run(clone, "dvc", "pull", "--quiet")
    assert results(clone) == results(shared.project)
    assert is_up_to_date(clone)


def test_an_experiment_is_taken_over_without_running_it(shared: Shared):
    clone = shared.clone("dvc", "pull", "--quiet")
    heading = "Take over what a colleague has run"
    shared.follow(heading)
    assert "stricter" in shared.follow(heading, 1, clone)
    assert results(clone) == results(shared.project)
    assert "roc_auc: {min: 0.4}" in (clone / "params.yaml").read_text()
    assert is_up_to_date(clone)


def test_ci_sees_without_data_what_was_not_run_and_what_nobody_can_pull(shared: Shared):
    clone = shared.clone()
    heading = "Check in CI without the data"
    assert shared.follow(heading, folder=clone) == UP_TO_DATE
    assert "not_in_remote" not in shared.follow(heading, 1, clone)
    change_gate(clone)
    must_run(clone, "git", "commit", "--quiet", "--all", "--message=A change that nobody has run")
    with pytest.raises(AssertionError):
        shared.follow(heading, folder=clone)
    change_gate(shared.project)
    must_run(shared.project, "dvc", "repro")
    assert shared.follow(heading) == UP_TO_DATE
    assert json.loads(shared.follow(heading, 1))["not_in_remote"] == ["data/published/"]
    assert not any((clone / path).exists() for path in ("models", "data/raw", ".dvc/cache"))


def test_cleaning_up_keeps_tags_and_experiments_and_can_be_undone(shared: Shared):
    files, project = shared.server.files(), shared.project
    files.call_s3("put_bucket_versioning", Bucket=shared.bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = shared.objects()
    change_gate(project, "0.41")
    must_run(project, "dvc", "repro")
    shared.run(project, "dvc", "push", "--quiet")  # and never commits it
    garbage = shared.objects() - kept
    must_run(project, "git", "checkout", "--quiet", ".")
    must_run(project, "dvc", "checkout", "--quiet", "--force")
    shared.run(project, "dvc", "exp", "run", "--quiet", "--name", "good", "-S", "evaluate.gate.roc_auc.min=0.42")
    shared.run(project, "dvc", "push", "--quiet")
    experiment = shared.objects() - kept - garbage
    must_run(project, "git", "checkout", "--quiet", ".")
    publish_next(shared)
    everything = shared.objects()
    assert len(garbage) > 1 and len(experiment) > 1

    gc = "dvc gc --all-branches --all-tags --all-experiments"
    assert gc in PAGE
    said = shared.run(project, *gc.split(), "--cloud", "--dry")
    assert set(re.findall(rf"^Removing ({shared.bucket}/.*)$", said, re.MULTILINE)) == garbage
    assert shared.objects() == everything
    shared.follow("Clean up")
    shared.run(project, *gc.split(), "--cloud", "--force")
    assert shared.objects() == everything - garbage
    clone = shared.clone()
    must_run(clone, "git", "checkout", "--quiet", "v1.0")
    shared.run(clone, "dvc", "pull", "--quiet")

    shared.follow("Clean up", 1)
    assert shared.objects() == everything


def test_a_merge_conflict_in_dvc_lock_is_resolved_by_its_recipe(shared: Shared, tmp_path: Path):
    project = shared.project
    both = copy_again(project, tmp_path / "both")
    must_run(project, "git", "checkout", "--quiet", "-b", "theirs")
    change_gate(project)
    must_run(project, "dvc", "repro")
    commit(project)
    must_run(project, "git", "checkout", "--quiet", "main")
    must_run(project, "dvc", "checkout", "--quiet", "--force")
    replace(project, "params.yaml", "max_iter: 20", "max_iter: 21")
    must_run(project, "dvc", "repro")
    commit(project)
    with pytest.raises(AssertionError, match=r"CONFLICT \(content\): Merge conflict in dvc\.lock"):
        must_run(project, "git", "merge", "theirs")
    shared.follow("Resolve a merge conflict in dvc.lock")
    assert must_run(project, "git", "status", "--porcelain") == ""

    change_gate(both)
    replace(both, "params.yaml", "max_iter: 20", "max_iter: 21")
    must_run(both, "dvc", "repro")
    assert results(project) == results(both)


def test_a_registered_version_is_fetched_by_its_name(shared: Shared, tmp_path: Path):
    model = contents(shared.project, ["models/model.skops"])["models/model.skops"]
    heading = "Register a model or a data version"
    shared.follow(heading)
    shared.follow(heading, 1, tmp_path)
    assert contents(tmp_path, ["first.skops", "best.skops"]) == {"first.skops": model, "best.skops": model}


def test_only_new_parts_of_growing_data_are_sent(shared: Shared):
    project = shared.project
    head, *rows = gzip.decompress((project / "data/source/flights.csv.gz").read_bytes()).splitlines(keepends=True)
    months = [[row for row in rows if row.startswith(b"2013," + month)] for month in (b"1,", b"2,")]
    assert all(months) and sum(map(len, months)) == len(rows)

    def add(month: int) -> None:
        path = project / "data" / "source" / "monthly" / f"2013-{month:02}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(head + b"".join(months[month - 1]))
        shared.follow("New data arrive")

    replace(project, "params.yaml", "data/source/flights.csv.gz", "data/source/monthly/")
    replace(project, "params.yaml", "partition_rows: 250000", "partition_rows: 300")
    add(1)
    before, there = parts(project), shared.hashes()
    add(2)
    after, sent = parts(project), shared.hashes() - there
    for table, old in before.items():
        new = after[table]
        changed = [name for name in old if old[name] != new[name]]
        assert changed in ([], [max(old)])  # the last part of January may have had room
        assert len(new) > len(old) > len(changed)
        assert set(new.values()) & sent == {new[name] for name in new if name not in old or name in changed}
    assert not set(before["data/raw/flights"].values()) & sent


def parts(project: Path) -> dict[str, dict[str, str]]:
    """The files of some tables, with their md5."""
    tables = ("data/raw/flights", "data/clean/flights", "data/features")
    return {
        table: {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (project / table).glob("[!.]*")}
        for table in tables
    }


def test_a_mirror_is_read_without_keys(shared: Shared, tmp_path: Path):
    heading = "A mirror that everybody can read"
    shared.follow(heading, BUCKET=f"public/{tmp_path.name}")
    must_run(shared.project, "git", "push", "--quiet", "origin", "main")
    shared.follow(heading, 1)
    clone = shared.clone()
    must_run(clone, "dvc", "pull", "--remote", "mirror", AWS_ENDPOINT_URL=shared.server.endpoint)
    assert results(clone) == results(shared.project)


def test_a_damaged_object_in_the_bucket_is_refused_and_can_be_mended(shared: Shared):
    files, model = shared.server.files(), shared.project / "models" / "model.skops"
    md5 = hashlib.md5(model.read_bytes()).hexdigest()
    damaged = f"{shared.bucket}/dvc/files/md5/{md5[:2]}/{md5[2:]}"
    files.pipe_file(damaged, model.read_bytes()[:-1] + b"?")
    clone = shared.clone()
    with pytest.raises(AssertionError, match=r"Checkout failed for following targets:\n(.*\n)*models\n"):
        shared.run(clone, "dvc", "pull")
    assert not list(clone.glob("models/model.skops"))
    heading = "Mend a damaged object in the bucket"
    assert "models/model.skops" in shared.follow(heading, folder=clone)
    shared.follow(heading, 1, XX=md5[:2], REST=md5[2:])
    shared.run(clone, "dvc", "pull")
    assert results(clone) == results(shared.project)
