"""Many fits at a time: in order, with progress on a terminal, and an error that ends them."""

import io
import sys
import threading

import pytest

from pipeline.errors import ProjectError
from pipeline.parallel import run_all


def test_results_keep_the_order_of_the_items(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    first = threading.Event()

    def work(number: int) -> int:
        first.wait(10) if number == 0 else first.set()
        return number * number

    assert run_all(work, range(4), "squares") == [0, 1, 4, 9]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_all(str, [1, 2], "train: cross-validation")
    assert sys.stderr.getvalue() == "\rtrain: cross-validation: 1 of 2\rtrain: cross-validation: 2 of 2\n"


def test_a_log_shows_nothing(capsys):
    run_all(str, [1, 2], "train: cross-validation")
    assert capsys.readouterr().err == ""


def test_the_mistake_of_the_first_item_comes_out_as_it_is(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    later = threading.Event()

    def work(number: int) -> None:
        later.wait(10) if number == 0 else later.set()
        raise ProjectError("params.yaml: train", f"no {number}")

    with pytest.raises(ProjectError, match=r"^params.yaml: train: no 0$"):
        run_all(work, range(4), "fits")
