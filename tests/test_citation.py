"""CITATION.cff is checked by the schema of the Citation File Format."""

import pytest

from dag import ROOT
from pipeline import citation
from pipeline.errors import ProjectErrors

GOOD = """
cff-version: 1.2.0
message: Cite it.
title: Visits
authors: [{family-names: Doe, given-names: Ada, orcid: "https://orcid.org/0000-0002-1825-0097"}]
date-released: 2026-11-24
"""


def mistakes(tmp_path, text):
    path = tmp_path / "CITATION.cff"
    path.write_text(text)
    with pytest.raises(ProjectErrors) as caught:
        citation.load(path)
    return [str(error).replace(str(tmp_path) + "/", "") for error in caught.value.errors]


def test_the_project_has_a_valid_citation():
    assert citation.load(ROOT / "CITATION.cff")["title"]


def test_a_valid_citation_is_read(tmp_path):
    path = tmp_path / "CITATION.cff"
    path.write_text(GOOD)
    assert citation.load(path)["date-released"] == "2026-11-24"


def test_an_unknown_key_is_named_with_the_nearest(tmp_path):
    found = mistakes(tmp_path, GOOD + "licens: MIT\n")
    assert len(found) == 1
    assert found[0].startswith("CITATION.cff: no such key: `licens`\n  Did you mean `license`?")


def test_a_missing_key_is_named(tmp_path):
    assert mistakes(tmp_path, GOOD.replace("message: Cite it.\n", "")) == [
        "CITATION.cff: 'message' is a required property"
    ]


def test_an_orcid_that_is_none_is_named(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("0000-0002-1825-0097", "12"))
    assert len(found) == 1
    assert found[0].startswith("CITATION.cff: authors.0: found ")
