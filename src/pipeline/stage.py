"""How every stage runs: it dies with DVC, and a user's mistake ends in its own words, never in a traceback."""

import ctypes
import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import ProjectError, ProjectErrors

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_dvc() -> None:
    """Have this process end when DVC dies, so that a killed `dvc repro` leaves nobody writing.

    DVC starts a stage by a shell. bash and zsh give their place to the stage: DVC is its parent then, and the kernel
    ends it. Others, such as dash (sh on Debian) and fish, stay in between: then a thread looks whether DVC is still
    above the shell. Linux only; elsewhere the stage finishes by itself, as one started by hand does everywhere.
    """
    if sys.platform != "linux" or "DVC_STAGE" not in os.environ:
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    child, dvc = os.getpid(), os.getppid()
    while _has_our_stage(dvc):
        child, dvc = dvc, _parent(dvc)
    if _has_adopted(dvc, child):  # DVC died while this stage was being imported
        os.kill(os.getpid(), signal.SIGKILL)
    if child != os.getpid():
        threading.Thread(target=_die_when_orphaned, args=(child, dvc), daemon=True).start()


def _has_our_stage(pid: int) -> bool:
    """Say whether DVC has told this process, too, which stage it runs: true of a shell between, not of DVC itself."""
    try:
        return f"DVC_STAGE={os.environ['DVC_STAGE']}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone
        return False


def _parent(pid: int) -> int:
    """The parent of a process; 0 if the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _has_adopted(pid: int, child: int) -> bool:
    """Say whether a parent is the system's, which takes in orphans, and not the one that started the child."""
    try:
        system = pid == 1 or Path(f"/proc/{pid}/comm").read_text() == "systemd\n"
        return system and os.getsid(pid) != os.getsid(child)
    except OSError:
        return False


def _die_when_orphaned(child: int, dvc: int) -> None:
    while _parent(child) == dvc:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def run(main: Callable[[], None]) -> None:
    """Run a stage's `main`; exit 1 with one message for a user's mistake or a full disk, 130 when interrupted."""
    die_with_dvc()
    try:
        main()
    except (ProjectError, ProjectErrors) as mistake:
        sys.exit(str(mistake))
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(f"{exc.filename or Path.cwd()}: no space is left\n  Make room, then run it again.")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
