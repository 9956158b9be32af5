"""Which files a command opens, lists, makes and removes, as the kernel sees it (strace)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from needs import program
from project import run

CHANGES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat")
CHANGES += ("link", "linkat", "symlink", "symlinkat", "truncate", "chmod", "fchmodat", "chown", "fchownat", "utimensat")
OPENS = ("open", "openat", "openat2", "creat")
CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)$")
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Access:
    """One call.

    Attributes:
        kind: `read`; `write`, which is every change; or `list`, of a folder.
        path: absolute, whether there is such a file or not.
    """

    kind: str
    path: Path


def trace(project: Path, *command: str, **more: str) -> set[Access]:
    """Run a command that has to end well, with all that it starts, and return what it does to files."""
    with TemporaryDirectory() as folder:
        wanted = "trace=" + ",".join(f"?{name}" for name in (*OPENS, *CHANGES, "chdir", "fchdir"))
        options = ["-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", wanted, "-e", "signal=none"]
        ended = run(project, program("strace", "strace"), *options, "-o", f"{folder}/calls", *command, **more)
        assert ended.returncode == 0, ended.stderr
        found: set[Access] = set()
        for file in Path(folder).iterdir():  # one a thread
            working = project
            for line in file.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
                if call := CALL.match(line):
                    name, arguments, returned, _ = call.groups()
                    paths = [_absolute(working, base, text) for base, text in PATH.findall(arguments)]
                    if name == "chdir" and returned == "0":
                        working = paths[0]
                    assert name != "fchdir", line
                    found |= {Access(_kind(name, arguments), path) for path in paths if name != "chdir"}
        return found


def _absolute(working: Path, base: str, text: str) -> Path:
    # A path that the kernel was given may go through links, such as the one from /tmp to /private/tmp of macOS.
    return Path(os.path.normpath(working / base / text.encode().decode("unicode_escape")))


def _kind(name: str, arguments: str) -> str:
    if name in CHANGES or re.search(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b", arguments) or name == "creat":
        return "write"
    return "list" if "O_DIRECTORY" in arguments else "read"
