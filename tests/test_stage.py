"""How a stage ends: in the user's words, with the right exit status, and with its parent."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from dag import ROOT

STAGE = """
import sys
sys.path.insert(0, {src!r})
from pipeline import stage
from pipeline.errors import ProjectError, ProjectErrors

def main():
{body}

stage.run(main)
"""


def stage_code(body):
    return STAGE.format(src=str(ROOT / "src"), body=body)


def run(body):
    return subprocess.run([sys.executable, "-c", stage_code(body)], capture_output=True, text=True, check=False)


def test_a_stage_that_does_its_work_exits_with_0():
    assert (run("    print('done')").returncode, run("    print('done')").stdout) == (0, "done\n")


def test_a_mistake_is_told_without_a_traceback():
    ended = run("    raise ProjectError('params.yaml: seed', 'found 1, expected 2', 'Write 2.')")
    assert (ended.returncode, ended.stderr) == (1, "params.yaml: seed: found 1, expected 2\n  Write 2.\n")


def test_several_mistakes_are_told_together():
    ended = run("    raise ProjectErrors([ProjectError('a', 'b'), ProjectError('c', 'd')])")
    assert (ended.returncode, ended.stderr) == (1, "a: b\nc: d\n")


def test_an_interrupted_stage_ends_without_a_traceback():
    ended = run("    raise KeyboardInterrupt")
    assert (ended.returncode, ended.stderr) == (130, "")


def test_a_bug_keeps_its_traceback():
    ended = run("    1 / 0")
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr


DVC = """
import os, subprocess, time
child = subprocess.Popen([{shell!r}, "-c", {command!r}], env=os.environ | {{"DVC_STAGE": "clean"}})
time.sleep(60)
"""
IMPORTS_AND_RUNS = """
import os, pathlib, time
pathlib.Path("importing").write_text(str(os.getpid()))
while not pathlib.Path("imported").exists():
    time.sleep(0.01)
{stage}
"""
MAIN = "    import time; open('running', 'w').close(); time.sleep(60)"


def wait_until(fact):
    deadline = time.monotonic() + 10
    while not (result := fact()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return result


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
@pytest.mark.parametrize("moment", ["while it is imported", "while it runs"])
@pytest.mark.parametrize("shell", [shell for shell in ("bash", "dash", "fish", "sh", "zsh") if shutil.which(shell)])
def test_a_stage_of_a_killed_dvc_dies_with_it(tmp_path, shell, moment):
    script = tmp_path / "stage.py"
    script.write_text(IMPORTS_AND_RUNS.format(stage=stage_code(MAIN)))
    code = DVC.format(shell=shell, command=f"{sys.executable} {script}")
    dvc = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, start_new_session=True)
    pid = int(wait_until(lambda: (tmp_path / "importing").exists() and (tmp_path / "importing").read_text()))
    if moment == "while it runs":
        (tmp_path / "imported").touch()
        assert wait_until((tmp_path / "running").exists)
    dvc.kill()
    dvc.wait()
    (tmp_path / "imported").touch()
    try:
        assert wait_until(lambda: not is_running(pid))
        assert (tmp_path / "running").exists() == (moment == "while it runs")
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_stage_started_by_hand_survives_its_parent(tmp_path):
    script = tmp_path / "stage.py"
    script.write_text(
        stage_code("    import time; open('running', 'w').close(); time.sleep(1); open('done', 'w').close()")
    )
    shell = subprocess.Popen(["sh", "-c", f"{sys.executable} {script}; :"], cwd=tmp_path, start_new_session=True)
    assert wait_until((tmp_path / "running").exists)
    shell.kill()
    shell.wait()
    assert wait_until((tmp_path / "done").exists)


def test_a_full_disk_is_told_in_a_line(tmp_path):
    script = tmp_path / "stage.py"
    script.write_text(stage_code("    raise OSError(28, 'No space left on device', 'data/x')"))
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (1, "data/x: no space is left\n  Make room, then run it again.\n")
