"""The files at the root, whatever the project: check finds no mistake in them."""

import shutil

import pytest

import check
from dag import ROOT


def test_the_files_that_a_user_edits_have_no_mistake(tmp_path, monkeypatch: pytest.MonkeyPatch):
    for name in ("params.yaml", "contract.yaml", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    check.main()
    assert (tmp_path / "metrics" / "check.json").read_text() == '{\n  "mistakes": 0\n}\n'
