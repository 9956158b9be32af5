"""Compare: turn experiments, or any versions, into a Markdown table and pictures, as for a pull request.

    python src/compare.py                   HEAD and the experiments that started from it
    python src/compare.py main HEAD deeper  these: commits, branches, tags, experiments

The first is what the others are held against; they follow by their cross-validation, best first. Parameters, metrics
and plots are read from Git and the cache, so nothing is run and no data are needed.
"""

import argparse
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from pipeline import stage
from pipeline.comparison.markdown import to_markdown
from pipeline.comparison.pictures import COLOURS, draw
from pipeline.comparison.versions import ranked, read_version
from pipeline.errors import ProjectError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python src/compare.py", description=__doc__.splitlines()[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help="commit, branch, tag or experiment")
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=Path("comparison"), help="default: comparison")
    arguments = parser.parse_args()
    try:
        with Repo() as repo:
            experiments, branches = repo.experiments.ls(all_commits=True), repo.scm.list_branches()
            names = arguments.names or ["HEAD", *(name for name, _ in repo.experiments.ls()[repo.scm.get_rev()])]
    except DvcException as exc:
        raise ProjectError(".dvc", f"DVC cannot read the project: {exc}") from None
    if names == ["HEAD"] and not arguments.names:
        remedy = "Run one (dvc exp run -S …), or name what to compare: python src/compare.py main HEAD"
        raise ProjectError("HEAD", "no experiment started from it", remedy)
    known = [*branches, *(name for found in experiments.values() for name, _ in found)]
    versions = ranked([read_version(name, known) for name in dict.fromkeys(names)])
    try:
        arguments.to.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ProjectError(str(arguments.to), "is a file, expected a folder", "Name another: --to FOLDER") from None
    pictures = draw(versions, arguments.to)
    shown = "".join(f"\n![{title}]({file})\n" for title, file in pictures.items())
    if len(versions) > len(COLOURS):
        shown = f"\nThe curves and bars are of the first and the {len(COLOURS) - 1} best.\n{shown}"
    (arguments.to / "comparison.md").write_text(to_markdown(versions) + shown, encoding="utf-8")
    print(f"{arguments.to / 'comparison.md'}: {len(versions)} versions, {len(pictures)} pictures")


if __name__ == "__main__":
    stage.run(main)
