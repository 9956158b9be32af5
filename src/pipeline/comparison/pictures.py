"""Versions in pictures: their scores, and the plots that dvc.yaml defines."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.comparison.versions import BESIDE, Version, main_metric

COLOURS = ("#000000", "#e69f00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito 2008: for all eyes
Tables = Mapping[str, tuple[str, pd.DataFrame]]  # of a plot: version and points by colour


def draw(versions: Sequence[Version], folder: Path) -> dict[str, str]:
    """Draw the scores and each plot of dvc.yaml that is lines, dots or bars; the first and the best versions in each.

    Returns:
        File name by title.
    """
    pictures: dict[str, str] = {}

    def picture(title: str, file: str, height: float, fill: Callable[..., None], *arguments: Any) -> None:
        figure = Figure(figsize=(7, height), layout="constrained")
        axes = figure.add_subplot(title=title)
        axes.spines[["top", "right"]].set_visible(False)
        fill(axes, *arguments)
        figure.savefig(folder / file, dpi=110, metadata={"Software": None})
        pictures[title] = file

    metric = main_metric(versions)
    scored = [version for version in versions if version.metrics.get(metric) is not None]
    picture(metric, "scores.png", 1.2 + 0.3 * len(scored), _draw_scores, scored, metric)
    drawn = dict(zip(COLOURS, versions, strict=False))
    for path in dict.fromkeys(path for version in versions for path in version.plots):
        options = next(version.plots[path][0] for version in versions if path in version.plots)
        fill = DRAWN.get(options.get("template", "linear"))
        tables = {
            colour: (version.name, version.plots[path][1])
            for colour, version in drawn.items()
            if path in version.plots and {options["x"], options["y"]} <= set(version.plots[path][1])
        }
        if fill and any(len(table) for _, table in tables.values()):
            names = {name for _, table in tables.values() for name in table[options["y"]]}
            height = 1.3 + 0.14 * len(names) * (len(tables) + 0.5) if fill is _draw_bars else 4.5
            title = options.get("title", Path(path).stem)
            picture(title, f"{Path(path).stem}.png", height, fill, tables, options)
    return pictures


def _draw_scores(axes: Axes, versions: Sequence[Version], metric: str) -> None:
    rows = range(len(versions))
    for shift, name, marker, label in ((0.12, f"cv_{metric}", "s", "cross-validation"), (-0.12, metric, "o", "test")):
        values = [version.metrics.get(name) for version in versions]
        there = [row for row in rows if values[row] is not None]
        if not there:
            continue
        colour = COLOURS[2] if marker == "o" else COLOURS[1]
        axes.hlines(
            [row - shift for row in there],
            *zip(*(_interval(versions[row], name) for row in there), strict=True),
            color=colour,
        )
        axes.plot([values[row] for row in there], [row - shift for row in there], marker, color=colour, label=label)
        if values[0] is not None:
            axes.axvline(values[0], color=colour, linewidth=0.8, linestyle=":")
    axes.set_yticks(rows, [version.name for version in versions])
    axes.invert_yaxis()
    axes.set_xlabel(f"{metric}; bars: 95 % interval (test), standard deviation of the folds (cross-validation)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _interval(version: Version, name: str) -> tuple[float, float]:
    value, low, high, std = (version.metrics.get(f"{name}{end}") for end in ("", *BESIDE))
    return (low, high) if low is not None and high is not None else (value - (std or 0), value + (std or 0))


def _draw_lines(axes: Axes, tables: Tables, options: Mapping[str, str], **style: Any) -> None:
    for colour, (version, table) in tables.items():
        axes.plot(table[options["x"]], table[options["y"]], color=colour, label=version, **style)
    axes.set_xlabel(options.get("x_label", options["x"]))
    axes.set_ylabel(options.get("y_label", options["y"]))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _draw_dots(axes: Axes, tables: Tables, options: Mapping[str, str]) -> None:
    _draw_lines(axes, tables, options, linestyle="", marker=".", alpha=0.5)


def _draw_bars(axes: Axes, tables: Tables, options: Mapping[str, str]) -> None:
    names = list(dict.fromkeys(name for _, table in tables.values() for name in table[options["y"]]))
    thick = 0.8 / len(tables)
    for number, (colour, (version, table)) in enumerate(tables.items()):
        rows = [names.index(name) + (number - (len(tables) - 1) / 2) * thick for name in table[options["y"]]]
        values = table[options["x"]].tolist()
        axes.barh(rows, values, thick, color=colour, label=version)
        for row, value in zip(rows, values, strict=True):
            text = f"{value:.3g}" if isinstance(value, float) else f"{value:,}"
            axes.annotate(
                text, (max(value, 0), row), (2, 0), textcoords="offset points", va="center_baseline", fontsize=6
            )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(options.get("x_label", options["x"]))
    axes.legend(frameon=False)


DRAWN = {"simple": _draw_lines, "linear": _draw_lines, "scatter": _draw_dots, "bars": _draw_bars}
