"""Time commands: wall clock, processor time, and the largest memory of any one process; the median of several rounds.

Only the standard library, and little of it: a command starts as a copy of the process that starts it, so the memory of
this one is a floor under what is measured.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        wall, cpu: seconds; of all its processes.
        peak: bytes; resident memory of the process that had most.
    """

    wall: float
    cpu: float
    peak: int

    def __add__(self, other: "Cost") -> "Cost":
        """What two commands took, one after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))


def run(command: Sequence[str | Path], folder: Path, **environment: str) -> Cost:
    """Run a command in a folder and say what it took.

    Raises:
        SystemExit: it failed; shows what it said.
    """
    with open(os.devnull, "rb") as nothing:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, env={**os.environ, **environment}, stdin=nothing,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{said.decode(errors='replace')}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def rounds(contestants: Mapping[str, Callable[[], Cost]], count: int) -> dict[str, list[Cost]]:
    """Run each contestant once a round, one after the other, so that what slows the machine slows all of them.

    Returns:
        Name -> what it took in each round.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(count):
        for name, contestant in contestants.items():
            costs[name].append(contestant())
    return costs


def ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> str:
    """How many times as long as the other it took: the median of the rounds' ratios, and the range of them."""
    ratios = [cost.wall / other.wall for cost, other in zip(costs, others, strict=True)]
    spread = f" ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each number; of memory the largest."""
    walls, cpus, peaks = zip(*costs, strict=True)
    return Cost(statistics.median(walls), statistics.median(cpus), max(peaks))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; numbers stand to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
