"""docs/experiments.md, command by command, and what the workflows do: experiments are run, compared, kept, shared and shown."""

import json
import os
import re
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from project import ROOT, commit, contents, copy_again, made_once, must_run, replace, results, stages_run
from s3_server import S3Server

pytestmark = pytest.mark.long

PAGE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
SHALLOW = "train.options.max_depth"


def follow(project: Path, heading: str, number: int = 0, **more: str) -> str:
    """Do in a project what a block of code under a heading of the page says; return what it prints."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
    code = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)[number]
    return must_run(project, "bash", "-euo", "pipefail", "-c", code, **more)


def sweep(reproduced: Path, project: Path) -> None:
    """Run all experiments of the page; keep what it printed beside the project."""
    copy_again(reproduced, project)
    printed = {"one": follow(project, "Run one")}
    follow(project, "Run one", 1)
    printed["clean"] = must_run(project, "git", "status", "--porcelain")
    printed["queued"] = follow(project, "Run many")
    try:
        printed["started"] = follow(project, "Run many", 1)
    finally:
        printed["left"] = end_workers(project)
    printed["status"] = must_run(project, "dvc", "queue", "status")
    project.with_name("swept.json").write_text(json.dumps(printed))


def end_workers(project: Path) -> str:
    """Wait until what works in the folders of a project has ended by itself; end what has not, and name it."""
    working = [process for process in psutil.process_iter() if works_in(process, project)]
    _, alive = psutil.wait_procs(working, timeout=120)
    names = [" ".join(process.cmdline()) for process in alive]
    for process in alive:
        process.kill()
    return "\n".join(names)


def works_in(process: psutil.Process, project: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(project)
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def swept(reproduced_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project after all experiments of the page, back at its last commit; for tests that only read it."""
    return made_once(tmp_path_factory, "swept", lambda folder: sweep(reproduced_small, folder))


@pytest.fixture
def said(swept: Path) -> dict[str, str]:
    return json.loads(swept.with_name("swept.json").read_text())


@pytest.fixture
def project(swept: Path, tmp_path: Path) -> Path:
    """The swept project for one test to change."""
    return copy_again(swept, tmp_path / "project")


def shown(project: Path) -> list[dict]:
    """What the last commit and its experiments hold, as `dvc exp show --json` says."""
    head = json.loads(must_run(project, "dvc", "exp", "show", "--json"))[1]
    return [head, *(each["revs"][0] for each in head["experiments"])]


def experiments(project: Path) -> set[str]:
    return set(must_run(project, "dvc", "exp", "list", "--name-only").split())


def depth(project: Path) -> int:
    return yaml.safe_load((project / "params.yaml").read_text())["train"]["options"]["max_depth"]


def test_an_experiment_runs_only_what_depends_on_it_and_can_be_put_back(said):
    assert stages_run(said["one"]) == ["check", "train", "evaluate", "publish"]
    assert said["clean"] == ""


def test_ranges_and_choices_are_queued_run_two_at_a_time_and_end(swept, said):
    assert said["queued"].count("Queued experiment") == 8
    assert "Started '2' new experiments task queue workers." in said["started"]
    assert said["status"].count("Success") == 8
    assert said["status"].rstrip().endswith("Worker status: 0 active, 0 idle")
    assert said["left"] == ""
    params = [each["data"]["params"]["params.yaml"]["data"] for each in shown(swept)[1:]]
    delay, normal = [each["clean"]["flights"]["plausible_delay"]["max"] for each in params], 600
    assert sorted(zip(delay, [each["train"]["options"]["max_depth"] for each in params], strict=True)) == sorted(
        [(300, 5), (450, 5), (normal, 3), *((normal, trees) for trees in range(2, 8))]
    )


def test_stages_that_did_not_change_do_not_run_in_a_queue(swept):
    # What is as committed (5) or in the run cache, from the first experiment (3), does not run again.
    known = {5: ["check", "publish"], 3: ["check", "evaluate"]}
    for name in sorted(experiments(swept) - {"shallow"}):
        ran = stages_run(must_run(swept, "dvc", "queue", "logs", name))
        params = yaml.safe_load(must_run(swept, "git", "show", f"{ref(swept, name)}:params.yaml"))
        if params["clean"]["flights"]["plausible_delay"]["max"] == 600:
            depth = params["train"]["options"]["max_depth"]
            assert ran == known.get(depth, ["check", "train", "evaluate", "publish"]), name
        else:
            assert ran[:2] == ["check", "clean"], name  # what follows runs where other rows are left


def ref(project: Path, name: str) -> str:
    listed = must_run(project, "git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    return next(line.split()[0] for line in listed.splitlines() if line.endswith(f"/{name}"))


def test_the_table_of_experiments_is_sorted_and_fits_120_columns(swept):
    table = follow(swept, "Look at them")
    header, *rows = [line.split() for line in table.splitlines() if "──────" not in line]
    assert header == ["Experiment", "cv_roc_auc", "roc_auc", "clean.flights.plausible_delay.max", SHALLOW]
    assert len(rows) == 11
    scores = [float(row[-4]) for row in rows if "[" in " ".join(row)]
    assert scores == sorted(scores, reverse=True)
    assert max(map(len, table.splitlines())) <= 120


def test_differences_are_of_params_and_metrics(swept):
    together, *both = follow(swept, "What is different?").split("\n\n")
    assert re.search(r"^metrics/train.json +cv_roc_auc ", together, re.MULTILINE)
    lines = [line.split() for line in "\n".join(both).splitlines() if line.startswith("params.yaml")]
    assert lines == [["params.yaml", SHALLOW, "5", "3", "-2"], ["params.yaml", SHALLOW, "5", "3"]]


def test_plots_hold_the_points_of_both_versions(swept):
    said = follow(swept, "Draw them")
    assert "failed" not in said.lower()
    page = (swept / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert '<meta charset="utf-8">' in page
    drawn = json.loads(must_run(swept, "dvc", "plots", "diff", "HEAD", "shallow", "--json", "--split"))
    assert "errors" not in drawn
    revisions, confused = {}, 0
    for name, plots in drawn["data"].items():
        points = [point for plot in plots for point in plot["anchor_definitions"]["<DVC_METRIC_DATA>"]]
        revisions[Path(name).stem] = {point["rev"] for point in points}
        confused += sum(point["rows"] for point in points if "confusion" in name and point["rev"] == "HEAD")
    assert confused == json.loads((swept / "metrics/serve.json").read_text())["test_rows"]
    assert revisions.pop("residuals") == set()  # a classifier has none
    assert sorted(revisions) == ["calibration", "confusion", "importance", "ledger", "precision_recall", "roc"]
    assert all(found == {"HEAD", "shallow"} for found in revisions.values())


def test_an_experiment_is_applied_and_committed(project):
    follow(project, "Keep one")
    assert depth(project) == 3
    assert must_run(project, "git", "status", "--porcelain") == ""
    assert stages_run(must_run(project, "dvc", "repro")) == []


def test_an_experiment_becomes_a_branch(project):
    follow(project, "Keep one", 1)
    must_run(project, "git", "checkout", "--quiet", "shallow-trees")
    must_run(project, "dvc", "checkout", "--quiet")
    assert depth(project) == 3
    assert stages_run(must_run(project, "dvc", "repro")) == []


def test_what_was_run_by_hand_is_saved_and_experiments_are_removed(project):
    replace(project, "params.yaml", "roc_auc: {min: 0.5}", "roc_auc: {min: 0.45}")
    must_run(project, "dvc", "repro")
    before = experiments(project)
    follow(project, "Keep one", 2)
    assert experiments(project) == before | {"by-hand"}
    follow(project, "Keep one", 3)
    assert experiments(project) == before - {"shallow"}


@pytest.mark.usefixtures("clean_aws")
def test_an_experiment_is_pushed_and_pulled_through_s3(project, tmp_path, s3_server: S3Server):
    there, hub = s3_server.environment(), tmp_path / "hub.git"
    s3_server.files().call_s3("create_bucket", Bucket="data-project-template")  # that of .dvc/config in the experiment
    must_run(tmp_path, "git", "init", "--quiet", "--bare", "--initial-branch=main", hub)
    must_run(project, "git", "remote", "add", "origin", hub)
    must_run(project, "git", "push", "--quiet", "origin", "main")
    must_run(project, "dvc", "push", "--quiet", **there)
    follow(project, "Share them", **there)
    clone = tmp_path / "clone"
    must_run(tmp_path, "git", "clone", "--quiet", hub, clone)
    assert "shallow" in follow(clone, "Share them", 1, **there)
    must_run(clone, "dvc", "exp", "apply", "shallow", **there)
    must_run(project, "dvc", "exp", "apply", "shallow")
    assert results(clone) == results(project)


def test_a_set_of_experiments_becomes_a_table_and_pictures(project):
    follow(project, "Show them in a pull request")
    table = (project / "comparison" / "comparison.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows[0].startswith("| `HEAD` | 600 | 5 | ")
    assert {row.split("`")[1] for row in rows} == {"HEAD", *experiments(project)}
    pictures = re.findall(r"^!\[.+\]\((.+)\)$", table, re.MULTILINE)
    assert pictures == [
        "scores.png", "roc.png", "precision_recall.png", "calibration.png", "importance.png", "ledger.png",
    ]  # fmt: skip
    assert sorted(contents(project, ["comparison"])) == sorted(
        f"comparison/{name}" for name in (*pictures, "comparison.md")
    )
    assert (project / "chosen" / "comparison.md").read_text(encoding="utf-8").count("\n| `") == 2


def steps(workflow: str, job: str) -> dict[str, dict]:
    """The named steps of a job of a workflow."""
    read = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8"))
    return {step["name"]: step for step in read["jobs"][job]["steps"] if "name" in step}


def test_the_workflow_compares_base_head_and_pushed_experiments(project, tmp_path):
    hub, checkout, summary = tmp_path / "hub.git", tmp_path / "checkout", tmp_path / "summary.md"
    must_run(tmp_path, "git", "init", "--quiet", "--bare", "--initial-branch=main", hub)
    must_run(project, "git", "remote", "add", "origin", hub)
    must_run(project, "git", "push", "--quiet", "origin", "main")
    must_run(project, "dvc", "exp", "push", "--no-cache", "origin", "shallow")
    must_run(project, "git", "checkout", "--quiet", "-b", "trees")
    must_run(project, "dvc", "exp", "apply", "shallow")
    commit(project)
    must_run(project, "git", "push", "--quiet", "origin", "trees")
    must_run(tmp_path, "git", "clone", "--quiet", "--branch=trees", hub, checkout)
    base = must_run(project, "git", "rev-parse", "main").strip()
    (checkout / ".venv").symlink_to(sys.prefix)
    must_run(checkout, "git", "checkout", "--quiet", "--detach")
    step = steps("experiments.yml", "compare")["Compare"]
    must_run(checkout, "bash", "-eo", "pipefail", "-c", step["run"], BASE=base, GITHUB_STEP_SUMMARY=str(summary))
    rows = [line.split("`")[1] for line in summary.read_text().splitlines() if line.startswith("| `")]
    assert rows[0] == "base" and sorted(rows[1:]) == ["head", "shallow"]
    assert "![" not in summary.read_text()
    assert not (checkout / "models").exists() and not (checkout / ".dvc" / "cache").exists()


GH = """#!/bin/sh
# Stands in for GitHub: keeps what the workflow asks of it, and lists the comments that it was told of.
printf '%s\\n' "$*" >> "$ASKED"
case "$*" in *--paginate*) cat "$COMMENTS";; *--field*) cp comment.md "$ASKED.body";; esac
"""


@pytest.mark.parametrize(
    ("comments", "asked"),
    [("", "--method POST repos/o/r.git/issues/12/comments"), ("7\n", "--method PATCH repos/o/r.git/issues/comments/7")],
)
def test_the_workflow_posts_one_comment_whose_pictures_are_in_git(tmp_path, comments, asked):
    folder, hub, tools = tmp_path / "run", tmp_path / "o" / "r.git", tmp_path / "bin"
    for new in (folder / "comparison", tools):
        new.mkdir(parents=True)
    must_run(tmp_path, "git", "init", "--quiet", "--bare", hub)
    (folder / "comparison" / "roc.png").write_bytes(b"a picture")
    (folder / "comparison" / "comparison.md").write_text("| a table |\n\n![ROC](roc.png)\n")
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)
    (tmp_path / "comments").write_text(comments)
    step = steps("experiments.yml", "comment")["Comment"]
    must_run(
        folder, "bash", "-eo", "pipefail", "-c", step["run"],
        PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", NUMBER="12", GITHUB_SERVER_URL=f"file://{tmp_path}",
        GITHUB_REPOSITORY="o/r.git", ASKED=str(tmp_path / "asked"), COMMENTS=str(tmp_path / "comments"),
    )  # fmt: skip
    assert (tmp_path / "asked").read_text().splitlines()[-1] == f"api {asked} --field body=@comment.md --silent"
    sha = must_run(hub, "git", "rev-parse", "refs/comparisons/12").strip()
    assert must_run(hub, "git", "show", f"{sha}:roc.png") == "a picture"
    assert (tmp_path / "asked.body").read_text() == (
        "<!-- comparison of experiments -->\n| a table |\n\n"
        f"![ROC](file://{tmp_path}/o/r.git/blob/{sha}/roc.png?raw=true)\n"
    )
