"""The GitHub workflows: valid by their schema, actions pinned by hash, no permission that is not needed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[1] / ".github" / "workflows").glob("*.yml"))
# What is written, and by which job; everything else may only read the code.
WRITERS = {("experiments.yml", "comment"): {"contents": "write", "pull-requests": "write"}}


def jobs(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def test_workflows_are_valid_by_their_schema():
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "experiments.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_their_commit_and_say_which_version_it_is(path):
    used = re.findall(r"^ *(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for line in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_may_write_only_where_they_must(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == WRITERS.get((path.name, name), {})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_code_of_strangers_never_meets_a_token_that_writes_or_text_in_a_script(path):
    text = path.read_text(encoding="utf-8")
    assert "pull_request_target" not in text and "workflow_run" not in text and "secrets." not in text
    for name, job in jobs(path).items():
        steps = job["steps"]
        assert all("${{" not in step.get("run", "") for step in steps)  # values come by the environment
        if (path.name, name) in WRITERS:
            assert "head.repo.full_name == github.repository" in job["if"]
            assert not any("checkout" in step.get("uses", "") for step in steps)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_runs_for_hours(path):
    assert all(job["timeout-minutes"] <= 60 for job in jobs(path).values())
