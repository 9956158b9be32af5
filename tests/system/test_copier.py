"""The project as a template: what copier makes of it is a clean project that runs, and that later takes its changes."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import copier
import pytest
import yaml

import first_street
from pipeline import citation
from project import ROOT, commit, copy_project, made_once, must_run, replace, run
from s3_server import S3Server

STARTS = ("flights", "colony", "flood", "own")
EXAMPLES = ROOT / "examples"
# What a project has as its own from the beginning: its README is about the project, not about the template.
OTHERS = {"README.md", ".copier-answers.yml"}
NAMED = {"title": "Bees: how do they “fly”?", "authors": "Lovelace, Ada 0000-0002-1825-0097; Ürgüp, José María; CERN"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is now, with a tag; for tests that only read it."""
    return made_once(tmp_path_factory, "template", lambda folder: tag(copy_project(folder), "v0.1.0"))


def tag(repository: Path, version: str) -> None:
    must_run(repository, "git", "tag", version)


def ask(template: Path, target: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    """Have copier make a project; what is not answered is left at its default."""
    data = [part for name, answer in answers.items() for part in ("--data", f"{name}={answer}")]
    return run(target.parent, "copier", "copy", "--defaults", "--quiet", *data, template, target)


def make(template: Path, target: Path, **answers: str) -> Path:
    """Have copier make a project, and commit it."""
    if answers.get("start") == "own":
        answers = NAMED | answers
    ended = ask(template, target, **answers)
    assert ended.returncode == 0, ended.stderr
    must_run(target, "git", "init", "--quiet", "--initial-branch=main")
    commit(target)
    return target


@pytest.fixture(scope="module")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The project of each start, with all else at its default; for tests that only read it."""
    return lambda start: made_once(
        tmp_path_factory, f"from-{start}", lambda folder: make(template, folder, start=start)
    )


def files(project: Path) -> set[str]:
    return set(must_run(project, "git", "ls-files", "-z").split("\0")) - {""}


def test_what_copier_renders_by_default_is_the_committed_file(template, projects):
    rendered = {name.removesuffix(".jinja") for name in files(template) if name.endswith(".jinja") and "{" not in name}
    assert rendered >= {"CITATION.cff", "LICENSE", ".dvc/config", "params.yaml", "contract.yaml"}
    for name in rendered - OTHERS:
        assert (projects("flights") / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_what_is_not_rendered_is_copied(projects):
    project = projects("flights")
    for name in files(project) - OTHERS:
        assert (project / name).read_bytes() == (ROOT / name).read_bytes(), name


@pytest.mark.parametrize("start", STARTS)
def test_a_project_has_the_code_and_what_it_starts_from_and_no_more(template, projects, tmp_path, start):
    project = projects(start)
    made, here = files(project), files(template)
    assert {name for name in made if name.startswith("src/")} == {name for name in here if name.startswith("src/")}
    at_root = {name.split("/")[0] for name in made if not name.startswith("src/")}
    edited = set() if start == "own" else {"params.yaml", "contract.yaml"}
    assert at_root - {name for name in at_root if name.startswith("requirements")} == edited | {
        ".copier-answers.yml", ".dvc", ".dvcignore", ".github", ".gitignore", "CITATION.cff", "Containerfile", "LICENSE",
        "Makefile",
        "README.md", "data", "docs", "dvc.yaml", "pyproject.toml", "tests",
    }  # fmt: skip
    tests = {name.removeprefix("tests/") for name in made if name.startswith("tests/")}
    assert tests == {
        "conftest.py", "dag.py", "small.py", "test_dag.py", "test_features.py", "test_project.py", "test_rules.py",
    }  # fmt: skip
    source = {name.removeprefix("data/source/") for name in made if name.startswith("data/source/")}
    example = {"flights": template, "own": tmp_path}.get(start, EXAMPLES / start) / "data/source"
    there = {path.name for path in example.glob("*") if path.suffix not in (".jinja", "") and path.is_file()}
    assert source == there | {"README.md"}


@pytest.mark.parametrize("start", ("colony", "flood"))
def test_an_example_arrives_as_it_is(template, projects, start):
    project = projects(start)
    for name in files(template):
        if name.startswith(f"examples/{start}/"):
            inside = name.removeprefix(f"examples/{start}/")
            assert (project / inside).read_bytes() == (template / name).read_bytes(), inside


@pytest.mark.parametrize("start", ["own", *(pytest.param(start, marks=pytest.mark.long) for start in STARTS[:-1])])
def test_answers_arrive_where_they_belong(template, tmp_path, start):
    answers = NAMED | {"start": start, "s3_url": "s3://bees/dvc", "s3_endpoint": "https://s3.example.org"}
    answers |= {"data_licence": "CC-BY-4.0"} if start == "own" else {}
    project = make(template, tmp_path / "project", **answers)
    cited = citation.load(project / "CITATION.cff")
    assert cited["title"] == NAMED["title"]
    assert cited["authors"] == [
        {"family-names": "Lovelace", "given-names": "Ada", "orcid": "https://orcid.org/0000-0002-1825-0097"},
        {"family-names": "Ürgüp", "given-names": "José María"},
        {"name": "CERN"},
    ]
    assert cited["license"] == {"own": "CC-BY-4.0", "flood": "CC-BY-NC-SA-4.0"}.get(start, "CC0-1.0")
    assert "date-released" not in cited
    assert ("abstract" in cited) == (start != "own")
    assert (
        "    url = s3://bees/dvc\n    endpointurl = https://s3.example.org\n" in (project / ".dvc/config").read_text()
    )
    assert "Copyright (c) Ada Lovelace, José María Ürgüp, CERN\n" in (project / "LICENSE").read_text()
    assert (project / "README.md").read_text().startswith(f"# {NAMED['title']}\n")
    if start != "own":
        people = yaml.safe_load((project / "contract.yaml").read_text())["contributors"]
        assert [person["title"] for person in people] == ["Ada Lovelace", "José María Ürgüp", "CERN"]
        must_run(project, sys.executable, "src/check.py")


@pytest.mark.parametrize("licence", ("MIT", "BSD-3-Clause", "other"))
@pytest.mark.long
def test_the_licence_of_the_templates_code_is_kept(template, tmp_path, licence):
    project = make(template, tmp_path / "project", code_licence=licence, **NAMED)
    text, ours = ((path / "LICENSE").read_text() for path in (project, ROOT))
    assert text.startswith(
        {"MIT": "MIT License", "BSD-3-Clause": "BSD 3-Clause License"}.get(licence, "Copyright (c) Ada")
    )
    assert "Copyright (c) 2026 The authors of data-project-template\n" in text
    assert text.endswith(ours[ours.index("Permission is hereby granted") :])


WRONG = {
    "a title that is none": ({"title": " "}, "title", "A project needs a title."),
    "an ORCID with a wrong digit": (
        {"authors": "Lovelace, Ada 0000-0002-1825-0098"}, "authors",
        "`0000-0002-1825-0098` is no ORCID: its last digit does not fit the others",
    ),
    "an ORCID that is too short": (
        {"authors": "CERN; Lovelace, Ada 0000-0002-1825"}, "authors",
        "`0000-0002-1825` is no ORCID: four groups of four digits, as in 0000-0002-1825-0097",
    ),
    "names between commas": (
        {"authors": "Ada Lovelace, Charles Babbage, CERN"}, "authors",
        "`Ada Lovelace, Charles Babbage, CERN` is not written as: Family, Given 0000-0002-1825-0097",
    ),
    "a bucket without its scheme": ({"s3_url": "bees/dvc"}, "s3_url", "`bees/dvc` is not written as: s3://bucket/folder"),
    "a key in the address": (
        {"s3_endpoint": "https://key:secret@s3.example.org"}, "s3_endpoint",
        "`https://key:secret@s3.example.org` is not written as: https://s3.example.org (keys belong to ~/.aws/credentials)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_answer_is_told_in_one_line(template, tmp_path, mistake):
    answers, question, message = WRONG[mistake]
    with pytest.raises(ValueError) as caught:
        copier.run_copy(str(template), tmp_path / "project", data=answers, defaults=True, quiet=True)
    assert str(caught.value) == f"Validation error for question '{question}': {message}"
    assert not (tmp_path / "project").exists()


def test_a_wrong_answer_ends_copier(template, tmp_path):
    ended = ask(template, tmp_path / "project", s3_url="bees")
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].endswith("'s3_url': `bees` is not written as: s3://bucket/folder")


@pytest.mark.parametrize(
    "authors", ("Hawking, Stephen 0000-0002-1694-233X", "van der Waals, J. D.; O'Brien, Zoë", "CERN")
)
@pytest.mark.long
def test_authors_can_have_any_name(template, tmp_path, authors):
    project = make(template, tmp_path / "project", authors=authors)
    cited = citation.load(project / "CITATION.cff")["authors"]
    families = [author.get("family-names", author.get("name")) for author in cited]
    assert families == [author.split(",")[0].strip() for author in authors.split(";")]


@pytest.mark.parametrize("start", STARTS)
def test_no_page_of_a_project_points_to_what_stayed_behind(projects, start):
    project = projects(start)
    missing = {
        f"{page.relative_to(project)}: {link}"
        for page in [project / "README.md", *project.glob("docs/*.md"), *project.glob("data/source/*.md")]
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text())
        if not (page.parent / link).exists()
    }
    assert missing == set()


@pytest.mark.long
@pytest.mark.parametrize("start", STARTS)
def test_a_project_runs(template, tmp_path, start, s3_server: S3Server, clean_aws: None):
    project, there = make(template, tmp_path / "project", start=start), {}
    if start == "flood":
        first_street.serve(s3_server)
        there = {"AWS_ENDPOINT_URL": s3_server.endpoint}
        must_run(project, sys.executable, "src/pin.py", **there)
    if start == "own":
        source = EXAMPLES / "colony/data/source/experiments.csv"
        must_run(project, sys.executable, "src/draft.py", source, "--target", "temperature_c")
    must_run(project, "dvc", "repro", **there)
    assert (project / "data/published/SHA256SUMS").exists()
    must_run(project, sys.executable, "-m", "pytest", "-n", "2")


@pytest.fixture
def begun(template, tmp_path) -> tuple[Path, Path]:
    """A template with a later version, and a project of the earlier one in which somebody has worked."""
    later = tmp_path / "template"
    must_run(tmp_path, "git", "clone", "--quiet", template, later)
    project = make(later, tmp_path / "project", start="colony", **NAMED)
    replace(project, "params.yaml", "min_samples_leaf: 5", "min_samples_leaf: 10")
    replace(project, "src/features.py", '"""Features: functions', '"""Features of ours: functions')
    with (project / "src/features.py").open("a") as features:
        features.write(
            "\n\ndef nothing(table: pd.DataFrame, *, column: Column) -> pd.Series:\n    return table[column] * 0\n"
        )
    (project / "README.md").write_text("# Ours\n")
    (project / "docs/pipeline.svg").unlink()
    (project / "src/ours.py").write_text('"""Of ours alone."""\n')
    commit(project)

    replace(later, "src/features.py", "def log(", "def logarithm(")
    replace(later, "src/serve.py", '"""Serve: ', '"""Serve, better: ')
    replace(later, "examples/colony/params.yaml", "n_estimators: 200", "n_estimators: 300")
    replace(later, "README.md.jinja", "## What is where", "## Where is what")
    replace(later, "CITATION.cff", "cff-version: 1.2.0", "cff-version: 1.2.0 # later")
    replace(later, "examples/colony/CITATION.cff", "type: dataset", "type: dataset # later")
    (later / "docs/later.md").write_text("# Later\n")
    must_run(later, "git", "rm", "-q", "src/pin.py")
    commit(later)
    return later, project


@pytest.mark.long
def test_an_update_brings_the_templates_changes_and_keeps_ours(begun):
    later, project = begun
    tag(later, "v0.2.0")
    must_run(project, "copier", "update", "--defaults", "--quiet")
    assert must_run(project, "git", "status", "--porcelain").splitlines() == [
        " M .copier-answers.yml", " M CITATION.cff", " M src/features.py", " D src/pin.py", " M src/serve.py",
        "?? docs/later.md",
    ]  # fmt: skip
    features = (project / "src/features.py").read_text()
    assert features.startswith('"""Features of ours: functions')
    assert "def logarithm(" in features
    assert features.endswith("return table[column] * 0\n")
    assert "_commit: v0.2.0" in (project / ".copier-answers.yml").read_text()
    cited = (project / "CITATION.cff").read_text()
    assert "type: dataset # later" in cited
    assert NAMED["title"] in cited
    commit(project)
    must_run(project, "copier", "update", "--defaults", "--quiet")
    assert must_run(project, "git", "status", "--porcelain") == ""


@pytest.mark.long
def test_an_update_shows_both_where_both_changed_the_same_lines(begun):
    later, project = begun
    replace(later, "src/features.py", '"""Features: functions', '"""Features of theirs: functions')
    commit(later)
    tag(later, "v0.2.0")
    must_run(project, "copier", "update", "--defaults", "--quiet")
    features = (project / "src/features.py").read_text()
    first, second = features.index("<<<<<<<"), features.index(">>>>>>>")
    assert "Features of ours" in features[first:second]
    assert "Features of theirs" in features[first:second]


@pytest.mark.long
def test_an_answer_can_be_changed_later(template, tmp_path):
    project = make(template, tmp_path / "project", **NAMED)
    must_run(project, "copier", "update", "--defaults", "--quiet", "--data", "s3_url=s3://bees/dvc")
    assert must_run(project, "git", "status", "--porcelain").splitlines() == [
        " M .copier-answers.yml",
        " M .dvc/config",
    ]
    assert "url = s3://bees/dvc\n" in (project / ".dvc/config").read_text()


def recipe(page: str, heading: str) -> str:
    """The first commands below a heading of a page in docs/."""
    section = (ROOT / "docs" / page).read_text().split(f"\n## {heading}\n")[1]
    return section.split("```sh\n")[1].split("```")[0]


@pytest.mark.long
def test_use_this_template_leaves_a_project_after_what_the_page_says_is_deleted(tmp_path):
    project = copy_project(tmp_path / "project")
    must_run(project, "bash", "-euc", recipe("start.md", "Use this template"))
    assert [
        name for name in files(project) if name.endswith(".jinja") or name.startswith(("examples", "tests/system"))
    ] == []
    source = EXAMPLES / "colony/data/source/experiments.csv"
    must_run(project, sys.executable, "src/draft.py", source, "--target", "temperature_c")
    must_run(project, "dvc", "repro")
    about_the_files_of_a_user = ("dag", "project", "rules", "features")  # all others: see test_examples.py
    must_run(project, sys.executable, "-m", "pytest", *(f"tests/test_{name}.py" for name in about_the_files_of_a_user))
