"""The pages point to what is there: no link, and no file named in them, leads nowhere."""

import re
from pathlib import Path

import pytest

from project import ROOT

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/**/*.md"))]
FILE = re.compile(r"`((?:src|tests|docs|benchmarks|examples)/[\w./-]*\w\.(?:py|md|yaml|yml|svg))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_files_of_a_page_are_there(page: Path):
    text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s:]+)\)", text)]
    missing = {link for link in links if link and not (page.parent / link).exists()}
    missing |= {name for name in FILE.findall(text) if not (ROOT / name).exists()}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_into_a_page_names_a_heading_of_it(page: Path):
    wrong = set()
    for name, heading in re.findall(r"\]\(([^)\s:#]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        there = page.parent / name if name else page
        headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
        if heading not in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}:
            wrong.add(f"{name}#{heading}")
    assert wrong == set()
