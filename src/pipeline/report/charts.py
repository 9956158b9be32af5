"""Charts with axes, and the stream of rows, drawn by matplotlib as SVG that stands inside the page.

The colours are names of the page's own (`var(--accent)`), so one picture serves light, dark and paper; text stays text,
in the page's font. A chart is as wide as a phone and never larger, so its text is never scaled.
"""

import functools
import os
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from lxml import etree
from markupsafe import Markup

from pipeline.report.words import count, score, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 340, 270  # px
MOST_ROWS = 11  # of the numbers beside a curve
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
# What matplotlib draws in these colours gets the page's: the CSS variables of page.css.
COLOURS = {
    "ink": "#010101",
    "quiet": "#020202",
    "line": "#030303",
    "accent": "#040404",
    "second": "#050505",
    "reject": "#060606",
    "stream": "#070707",
    "refuse": "#080808",
    "fill": "#0a0a0a",
    "paper": "#090909",
}
STYLE = {
    "svg.fonttype": "none",
    "font.size": 12,
    "text.parse_math": False,
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["ink"],
    "axes.edgecolor": COLOURS["line"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.7,
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["quiet"],
    "ytick.labelcolor": COLOURS["quiet"],
    "lines.linewidth": 2,
    "path.simplify": False,
}


class Picture(NamedTuple):
    """A chart, what it shows in words, and some of its points: two heads and rows of two numbers."""

    title: str
    description: str
    svg: Markup
    heads: tuple[str, str]
    rows: list[tuple[str, str]]


@functools.cache
def start() -> Any:
    """Import matplotlib, which looks for the fonts of the machine and would note them in the user's home."""
    with TemporaryDirectory() as folder:
        before = os.environ.get("MPLCONFIGDIR")
        os.environ["MPLCONFIGDIR"] = folder
        try:
            import matplotlib.figure
            import matplotlib.font_manager
            import matplotlib.style
        finally:
            os.environ.pop("MPLCONFIGDIR") if before is None else os.environ.update(MPLCONFIGDIR=before)
    return matplotlib


def roc(points: Mapping[str, Sequence[float]], auc: str) -> Picture:
    """The ROC curve beside the diagonal of a coin."""

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=COLOURS["quiet"], linewidth=1, linestyle="--")
        axes.plot(points["false_positive_rate"], points["true_positive_rate"], color=COLOURS["accent"])
        axes.text(0.62, 0.52, "a coin", color=COLOURS["quiet"])

    return _chart(
        draw,
        "ROC curve",
        f"For every threshold, the share found against the share of false alarms. The area under it is {auc}.",
        "false alarms: share of the negatives",
        "found: share of the positives",
        (points["false_positive_rate"], points["true_positive_rate"]),
        unit_square=True,
    )


def precision_recall(points: Mapping[str, Sequence[float]], positives: float | None) -> Picture:
    """Precision over recall, beside the share of positives."""

    def draw(axes: "Axes") -> None:
        if positives is not None:
            axes.axhline(positives, color=COLOURS["quiet"], linewidth=1, linestyle="--")
            is_high = positives > 0.15
            place = {"y": positives - 0.02, "va": "top"} if is_high else {"y": positives + 0.02, "va": "bottom"}
            axes.text(0.98, s="picking at random", color=COLOURS["quiet"], ha="right", **place)
        axes.plot(points["recall"], points["precision"], color=COLOURS["accent"])

    return _chart(
        draw,
        "Precision and recall",
        "For every threshold, how many of the picked rows are right against how many of the right ones are picked.",
        "recall: share of the positives that is found",
        "precision: share that is right",
        (points["recall"], points["precision"]),
        unit_square=True,
    )


def calibration(points: Mapping[str, Sequence[float]]) -> Picture:
    """Predicted probability against what happened."""

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=COLOURS["quiet"], linewidth=1, linestyle="--")
        axes.plot(points["predicted"], points["observed"], color=COLOURS["accent"], marker="o", markersize=5)
        axes.text(0.82, 0.9, "as promised", color=COLOURS["quiet"], ha="right")

    return _chart(
        draw,
        "Calibration",
        "Predicted probability against the share that came true, in ten groups; on the dashed line they agree.",
        "predicted probability",
        "share that came true",
        (points["predicted"], points["observed"]),
        unit_square=True,
    )


def residuals(points: Mapping[str, Sequence[float]], target: str) -> Picture:
    """Predicted against actual values."""

    def draw(axes: "Axes") -> None:
        both = [*points["predicted"], *points["actual"]]
        ends = [min(both), max(both)]
        axes.plot(ends, ends, color=COLOURS["quiet"], linewidth=1, linestyle="--")
        axes.plot(
            points["predicted"], points["actual"], "o", color=COLOURS["accent"], markersize=3.5, alpha=0.5, linewidth=0
        )

    return _chart(
        draw,
        "Predicted and actual",
        "Each dot is a row of the test part; on the dashed line the model is right.",
        f"predicted {shortened(target, 30)}",
        f"actual {shortened(target, 30)}",
    )


def errors(points: Mapping[str, Sequence[float]]) -> Picture:
    """How the residuals are distributed."""

    def draw(axes: "Axes") -> None:
        bins = min(24, max(4, len(points["residual"]) // 10))
        axes.hist(points["residual"], bins=bins, color=COLOURS["accent"], edgecolor=COLOURS["paper"], linewidth=0.7)
        axes.axvline(0, color=COLOURS["quiet"], linewidth=1, linestyle="--")
        axes.yaxis.get_major_locator().set_params(integer=True)

    return _chart(
        draw,
        "Residuals",
        "How far off the model is: actual minus predicted value, and how many rows of the test part are so.",
        "actual minus predicted",
        "rows shown",
    )


def _chart(
    draw: Any,
    title: str,
    description: str,
    x: str,
    y: str,
    points: tuple[Sequence[float], Sequence[float]] = ((), ()),
    unit_square: bool = False,
) -> Picture:
    matplotlib = start()
    with matplotlib.style.context(["default", STYLE]):
        figure = matplotlib.figure.Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        axes = figure.add_axes((54 / WIDTH, 48 / HEIGHT, (WIDTH - 66) / WIDTH, (HEIGHT - 60) / HEIGHT))
        draw(axes)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.locator_params(nbins=5)
        if unit_square:
            axes.set_xlim(-0.01, 1.01)
            axes.set_ylim(-0.01, 1.02)
        return Picture(title, description, _inline(figure, title, description), (x, y), _some_rows(*points))


def _some_rows(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[str, str]]:
    """At most MOST_ROWS of the points, evenly spread, with the first and the last."""
    last = len(xs) - 1
    shown = range(last + 1) if last < MOST_ROWS else [round(n * last / (MOST_ROWS - 1)) for n in range(MOST_ROWS)]
    return [(score(xs[position]), score(ys[position])) for position in shown]


STATION, BRANCH = 56, 40  # px: from one station to the next, and from one branch to the next
STREAM, LEFT = 160, 2  # px: width of all rows, and where the stream begins
BEND, REACH = 9, 34  # px: inner radius of a branch's bend, and where it ends right of the stream
LABEL = LEFT + STREAM + REACH + 8
ROOM = 100  # px that a label takes


def stream(
    stations: Sequence[tuple[str, str]], lost: Sequence[tuple[str, int]], rows: int, title: str, test: int | None = None
) -> Markup:
    """The rows' way through the phases, from top to bottom; what is rejected leaves to the right.

    Args:
        stations: of each phase what happened, in two short lines; at `reject` rows leave.
        lost: reason and rows, the most first.
        rows: that came in.
        test: of the rows kept those of the test part, to show the stream divided at its end.
    """
    matplotlib = start()
    thick = [max(gone / rows * STREAM, 1.0) for _, gone in lost]
    tall = sum(max(each + 2 * BEND, BRANCH) for each in thick) + BEND
    heights = [max(STATION, tall) if name == "reject" else STATION for name, _ in stations]
    height = sum(heights) + (STATION if test else 0)
    with matplotlib.style.context(["default", STYLE]):
        figure = matplotlib.figure.Figure(figsize=(WIDTH / 72, height / 72))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(height, 0)
        axes.axis("off")
        top, wide = 0.0, float(STREAM) if rows else 1.0
        for (name, words), high in zip(stations, heights, strict=True):
            corners = [(LEFT, top), (LEFT + wide, top)]
            if name == "reject":
                y = top + BEND
                for (reason, gone), each in zip(lost, thick, strict=True):
                    corners += [(LEFT + wide, y), (LEFT + max(wide - each, 1.0), y)]
                    _branch(axes, LEFT + wide, y, each, reason, gone)
                    wide = max(wide - each, 1.0)
                    y += max(each + 2 * BEND, BRANCH)
            _area(axes, [*corners, (LEFT + wide, top + high), (LEFT, top + high)], "stream")
            _label(axes, LEFT + 10, top + 23, name, words)
            if top:
                axes.plot([0, LEFT + STREAM + 1], [top, top], color=COLOURS["paper"], linewidth=2)
            top += high
        if test:
            kept = int(rows - sum(gone for _, gone in lost))
            cut = LEFT + wide * (1 - test / kept)
            _area(axes, [(LEFT, top), (cut - 1, top), (cut - 1, height), (LEFT, height)], "fill")
            _area(axes, [(cut + 1, top), (LEFT + wide, top), (LEFT + wide, height), (cut + 1, height)], "fill")
            axes.plot([0, LEFT + STREAM + 1], [top, top], color=COLOURS["paper"], linewidth=2)
            if cut - LEFT > ROOM:
                _label(axes, LEFT + 10, top + 23, "to learn from", count(kept - test))
                _label(axes, LEFT + STREAM + 8, top + 23, "to judge by", count(test))
            else:
                x = LEFT + STREAM + 8
                _label(axes, x, top + 23, f"{count(kept - test)} to learn from", f"{count(test)} to judge by")
        return _inline(figure, title, "; ".join(f"{name}: {words}" for name, words in stations))


def _label(axes: "Axes", x: float, y: float, name: str, words: str) -> None:
    axes.text(x, y, name, fontweight="bold")
    axes.text(x, y + 18, words)


def _branch(axes: "Axes", right: float, y: float, thick: float, reason: str, gone: int) -> None:
    """A branch that leaves the stream at its right edge, bends to the right and ends at its label."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left, end, high = right - thick, LEFT + STREAM + REACH, y + BEND
    low = high + thick
    corner = min(thick + BEND, end - left)
    points = [(left, y), (left, low - corner), (left, low), (left + corner, low), (end, low), (end, high)]
    points += [(right + BEND, high), (right, high), (right, y), (left, y)]
    codes = [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.LINETO]
    codes += [Path.LINETO, Path.CURVE3, Path.CURVE3, Path.CLOSEPOLY]
    axes.add_patch(PathPatch(Path(points, codes), facecolor=COLOURS["refuse"], linewidth=0))
    middle = (low + high) / 2
    axes.text(LABEL, middle - 1, shortened(reason, 18))
    axes.text(LABEL, middle + 14, f"\N{MINUS SIGN}{count(gone)}", color=COLOURS["reject"], fontweight="bold")


def _area(axes: "Axes", corners: Sequence[tuple[float, float]], colour: str) -> None:
    from matplotlib.patches import Polygon

    axes.add_patch(Polygon(corners, closed=True, facecolor=COLOURS[colour], linewidth=0))


def _inline(figure: "Figure", title: str, description: str) -> Markup:
    """The SVG of a figure as a part of a page: named for screen readers, in the page's colours and font."""
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    buffer = BytesIO()
    ids = {"svg.hashsalt": title}  # the same each time, and no other chart's
    with start().rc_context(ids), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has others
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = etree.fromstring(buffer.getvalue())
    for element in [*svg.findall(f"{SVG}metadata"), *svg.iter(f"{SVG}style")]:
        element.getparent().remove(element)
    for element in svg.iter():
        if element.tag in (f"{SVG}g", f"{SVG}text"):
            element.attrib.pop("id", None)  # the same in each figure, and nothing refers to them
        if href := element.attrib.pop(f"{XLINK}href", None):
            element.set("href", href)
        if style := element.get("style"):
            element.set("style", _in_our_style(style))
    width, height = svg.get("viewBox").split()[2:]
    svg.attrib.clear()
    svg.attrib.update({"viewBox": f"0 0 {width} {height}", "width": width, "height": height, "role": "img"})
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = etree.Element(f"{SVG}{tag}")
        element.text = text
        svg.insert(position, element)
    etree.cleanup_namespaces(svg)
    return Markup(etree.tostring(svg, encoding="unicode"))


def _in_our_style(style: str) -> str:
    kept = [declaration for declaration in style.split("; ") if not declaration.startswith("font-family")]
    text = "; ".join(kept)
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return text
