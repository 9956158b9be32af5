"""Tables of HTML pages."""

from pathlib import Path

import pytest

from pipeline import sources
from pipeline.errors import ProjectError
from pipeline.params import Source
from web_server import Site, send

PAGE = """<!doctype html><html><body>
<table><tr><td><table id="planes">
  <thead><tr><th>tailnum</th><th>seats,<br>most</th></tr></thead>
  <tbody><tr><td>N007</td><td>1,234</td></tr><tr><td>NA</td><td>1.10</td></tr><tr><td>Zoë "Z"</td><td></td></tr></tbody>
</table></td></tr></table>
<table><tr><th colspan="2">wind</th></tr><tr><th>speed</th><th>dir</th></tr><tr><td rowspan="2">5</td><td>N</td></tr><tr><td>S</td></tr></table>
<table id="empty"><thead><tr><th>a</th></tr></thead></table>
</body></html>"""
PLANES = 'tailnum,"seats, most"\nN007,"1,234"\nNA,1.10\n"Zoë ""Z""",\n'


def fetch(folder: Path, site: Site, table: int | str, page: str | bytes = PAGE, content_type: str = "text/html") -> str:
    site.answer = lambda request: send(request, page, Content_Type=content_type)
    fetched = sources.fetch("planes", Source(uri=f"{site.uri}/planes.html", table=table), folder)
    return fetched.parts["planes.csv"].read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [0, "planes"])
def test_cells_stay_the_text_of_the_page(site: Site, tmp_path: Path, table: int | str):
    assert fetch(tmp_path, site, table, content_type="text/html; charset=utf-8") == PLANES


def test_spanning_cells_are_repeated_and_a_header_of_two_rows_is_one(site: Site, tmp_path: Path):
    assert fetch(tmp_path, site, 1) == "wind speed,wind dir\n5,N\n5,S\n"


@pytest.mark.parametrize("declared", ["header", "meta"])
def test_the_encoding_is_the_one_that_the_page_states(site: Site, tmp_path: Path, declared: str):
    meta = '<meta charset="iso-8859-1">' if declared == "meta" else ""
    header = "text/html; charset=iso-8859-1" if declared == "header" else "text/html"
    page = PAGE.replace("<body>", f"<head>{meta}</head><body>").encode("latin-1")
    assert fetch(tmp_path, site, 0, page, header) == PLANES


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (3, r"table: no table 3: the page has 3\n  They count from 0\."),
        (-1, r"table: no table -1: the page has 3"),
        ("flights", r"table: no table of the page has the id `flights`\n  \(ids: planes, empty\)"),
        ("empty", r"table: the table has no rows"),
    ],
)
def test_a_table_that_is_not_there_is_told(site: Site, tmp_path: Path, table: int | str, said: str):
    with pytest.raises(ProjectError, match=r"params\.yaml: access\.planes\." + said):
        fetch(tmp_path, site, table)


def test_an_empty_page_is_told(site: Site, tmp_path: Path):
    with pytest.raises(ProjectError, match=r"access\.planes\.uri: not readable as HTML"):
        fetch(tmp_path, site, 0, "")
