"""What a test needs of the machine. Where it is missing the test is skipped; with REQUIRE_ALL=1, as in CI, it fails."""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """End the running test, for what it needs is not here."""
    pytest.fail(what) if os.environ.get("REQUIRE_ALL") else pytest.skip(what)


def program(name: str, package: str) -> str:
    """Return the path of a program of the machine, such as strace (Debian: apt install strace)."""
    return shutil.which(name) or missing(f"{name} is not installed (Debian: apt install {package})")


def module(name: str) -> None:
    """Go on only where a package is installed that the project itself does without, such as openpyxl."""
    if importlib.util.find_spec(name) is None:
        missing(f"{name} is not installed (pip install {name})")
