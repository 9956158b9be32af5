"""A whole release: refused with all reasons at once, then sent to S3 and to an archive, interrupted, and sent again."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from datacite import schema45

import verify
from project import commit, copy_again, must_run, replace, run
from s3_server import S3Server
from zenodo_server import TOKEN, Zenodo

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("clean_aws")]

AUTHOR = """\
  - family-names: Lovelace
    given-names: Ada
    orcid: https://orcid.org/0000-0002-1825-0097
    affiliation: CERN (https://ror.org/01ggx4157)
repository-code: https://example.org/project"""


@pytest.fixture(scope="module")
def named_once(reproduced_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with an author, reproduced and committed; only read."""
    project = copy_again(reproduced_small, tmp_path_factory.mktemp("named") / "project")
    replace(project, "CITATION.cff", "  - name: The authors of this project", AUTHOR)
    must_run(project, "dvc", "repro")
    commit(project)
    return project


@pytest.fixture
def named(named_once: Path, tmp_path: Path) -> Path:
    return copy_again(named_once, tmp_path / "project")


def release(project: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    ended = run(project, sys.executable, "src/release.py", *arguments, **{"NO_PROXY": "127.0.0.1", **environment})
    assert "Traceback" not in ended.stderr
    assert TOKEN not in ended.stdout + ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


def state_of(project: Path) -> tuple[str, str, str]:
    return tuple(must_run(project, *c) for c in (("git", "log"), ("git", "tag"), ("git", "status", "--porcelain")))


def test_everything_that_stands_against_it_is_said_at_once(project: Path):
    replace(project, "contract.yaml", ", description: Airline (IATA code)", "")
    replace(project, "contract.yaml", "\nkeywords: [", "\nversion: 0.1.0\nkeywords: [")
    replace(project, "params.yaml", "roc_auc: {min: 0.5}", "roc_auc: {min: 0.99}")
    must_run(project, "dvc", "repro")
    commit(project)
    must_run(project, "git", "tag", "v1.0.0", "HEAD~1")
    replace(project, "params.yaml", "learning_rate: 0.06", "learning_rate: 0.07")
    bundle = project / "data" / "published"
    (bundle / "extra").write_text("")
    before = state_of(project)
    status, _, err = release(project, "1.0.0", "--zenodo", "--s3", "http://x", "--confirm")
    assert status == 1
    lines = err.splitlines()
    roc_auc = json.loads((project / "metrics" / "evaluation.json").read_text())["metrics"]["roc_auc"]["value"]
    assert lines[0] == "git status: not committed: params.yaml"
    assert lines[1] == "dvc status: out of date: check, train, publish; `dvc repro` makes them anew"
    assert lines[2] == f"metrics/evaluation.json: the gate is not passed: roc_auc is at least 0.99 (it is {roc_auc})"
    assert lines[3:] == [
        "contract.yaml: flights.carrier: no description",
        "contract.yaml: version: says 0.1.0; take it out, CITATION.cff says it",
        "CITATION.cff: authors: `The authors of this project` is a placeholder; name who made it",
        "data/published/extra: SHA256SUMS does not list it",
        "git tag: v1.0.0 is there already, on another commit; to go on sending it, check it out",
        "--s3: found `http://x`, expected s3://BUCKET/PREFIX",
    ]
    assert state_of(project) == before


def test_without_confirm_nothing_changes(named: Path):
    before = state_of(named)
    status, said, err = release(named, "1.0.0")
    assert (status, err) == (0, "")
    assert said.splitlines()[-1] == "Nothing is done yet: --confirm does it."
    assert state_of(named) == before
    assert not (named / "data" / "release.json").exists()
    for wrong in ("v1", "1 0", "-1"):
        assert release(named, "--", wrong)[0] == 1


def test_a_version_goes_to_s3_and_the_archive_and_the_next_one_after_it(
    named: Path, tmp_path: Path, s3_server: S3Server, zenodo_server: Zenodo
):
    environment = {**s3_server.environment(), "ZENODO_TOKEN": TOKEN}
    prefix = tmp_path.name
    targets = ("--s3", f"s3://private/{prefix}", "--zenodo", zenodo_server.url)

    status, said, err = release(named, "1.0.0", *targets, "--confirm", **environment)
    assert status == 0, err
    cited = yaml.safe_load((named / "CITATION.cff").read_text())
    assert (cited["version"], cited["doi"]) == ("1.0.0", "10.5072/zenodo.102")
    _, tags, changed = state_of(named)
    assert (tags, changed) == ("v1.0.0\n", "")
    assert must_run(named, "git", "log", "-1", "--format=%s") == "Release 1.0.0\n"
    assert must_run(named, "dvc", "status").endswith("Data and pipelines are up to date.\n")
    bundle = named / "data" / "published"
    whole = verify.bundle_hash(bundle)
    message = must_run(named, "git", "tag", "--list", "--format=%(contents)", "v1.0.0")
    assert message == f"Release 1.0.0\n\nBundle: {whole}\nDOI: 10.5072/zenodo.102\n\n"
    assert f"The bundle's hash: {whole}\n" in said

    # who has only the bucket
    taken = tmp_path / "taken"
    s3_server.files().get(f"private/{prefix}/1.0.0/", str(taken), recursive=True)
    assert list(verify.problems_of(taken / "bundle", whole)) == []
    stated = json.loads((taken / "release.json").read_text())
    assert stated == {
        "name": "nyc-flights-2013",
        "version": "1.0.0",
        "revision": must_run(named, "git", "rev-parse", "v1.0.0^{commit}").strip(),
        "time": must_run(named, "git", "log", "-1", "--format=%cI").strip(),
        "dvc_lock": verify.file_hash(named / "dvc.lock"),
        "bundle": whole,
        "doi": "10.5072/zenodo.102",
        "repository": "https://example.org/project",
    }
    described = json.loads((taken / "datacite.json").read_text())
    schema45.validator.validate(described)
    assert described["doi"] == "10.5072/zenodo.102"
    assert [one["relationType"] for one in described["relatedIdentifiers"]].count("IsDerivedFrom") == 4

    # who has only the archive
    kept = {name: content for (_, name), content in zenodo_server.contents.items()}
    names = {"nyc-flights-2013-1.0.0.zip", "SHA256SUMS", "datacite.json", "release.json"}
    assert kept.keys() - {"README.md"} == names
    (tmp_path / "a.zip").write_bytes(kept["nyc-flights-2013-1.0.0.zip"])
    shutil.unpack_archive(tmp_path / "a.zip", tmp_path / "unpacked")
    assert list(verify.problems_of(tmp_path / "unpacked" / "nyc-flights-2013-1.0.0", whole)) == []
    (record,) = zenodo_server.published()
    assert record["metadata"]["creators"][0]["affiliations"] == [{"id": "01ggx4157", "name": "CERN"}]

    # the same again sends nothing
    status, said, err = release(named, "1.0.0", *targets, "--confirm", **environment)
    assert status == 0, err
    assert "objects, 0 of them sent now" in said
    assert len(zenodo_server.records) == 1

    # the next version, under the same concept
    status, said, err = release(named, "1.1.0", *targets, "--confirm", **environment)
    assert status == 0, err
    assert [one["metadata"]["version"] for one in zenodo_server.published()] == ["1.0.0", "1.1.0"]
    assert len({one["parent"]["id"] for one in zenodo_server.published()}) == 1
    assert sorted(s3_server.files().ls(f"private/{prefix}")) == [f"private/{prefix}/{v}" for v in ("1.0.0", "1.1.0")]


def test_an_interrupted_release_goes_on(named: Path, tmp_path: Path, s3_server: S3Server, zenodo_server: Zenodo):
    environment = {**s3_server.environment(), "ZENODO_TOKEN": TOKEN}
    targets = ("--s3", f"s3://private/{tmp_path.name}", "--zenodo", zenodo_server.url, "--confirm")
    zenodo_server.plan = lambda _, method, path: 403 if path.endswith("/content") else None
    status, said, err = release(named, "2.0.0", *targets, **environment)
    assert (status, err.splitlines()[0]) == (1, "ZENODO_TOKEN: the archive refuses it (HTTP 403)")
    before = state_of(named)
    assert before[1] == "v2.0.0\n"
    zenodo_server.plan = lambda *_: None
    status, said, err = release(named, "2.0.0", *targets, **environment)
    assert status == 0, err
    assert said.startswith("The tag v2.0.0 is there: what is left is to send it.\n")
    assert state_of(named) == before
    assert len(zenodo_server.published()) == len(zenodo_server.records) == 1


def test_a_release_that_fails_before_its_commit_leaves_the_project_as_it_was(named: Path):
    hook = named / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today\nexit 1\n")
    hook.chmod(0o755)
    before = state_of(named)
    status, _, err = release(named, "1.0.0", "--confirm")
    assert (status, err) == (1, "git commit: not today\n")
    assert state_of(named) == before
    assert list(verify.problems_of(named / "data" / "published")) == []
    hook.unlink()
    status, _, err = release(named, "1.0.0", "--confirm")
    assert status == 0, err
    assert state_of(named)[1] == "v1.0.0\n"


def test_the_zip_is_the_same_wherever_it_is_packed(named: Path, tmp_path: Path):
    from pipeline.release import archive

    copied = shutil.copytree(named / "data" / "published", tmp_path / "other", copy_function=shutil.copyfile)
    for folder, target in ((named / "data" / "published", tmp_path / "1"), (copied, tmp_path / "2")):
        target.mkdir()
        archive.write_zip(folder, target / "b.zip")
    assert (tmp_path / "1" / "b.zip").read_bytes() == (tmp_path / "2" / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1" / "b.zip") as packed:
        assert {info.date_time[0] for info in packed.infolist()} == {1980}
