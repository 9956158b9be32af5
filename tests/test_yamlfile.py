"""YAML is read as DVC reads it (version 1.2), and every mistake in it is one ProjectError."""

import datetime
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ProjectError
from pipeline.yamlfile import read_yaml


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "params.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_yaml(path)

    return read_text


def refused(read, text, message):
    with pytest.raises(ProjectError, match=rf"params\.yaml{re.escape(message)}$"):
        read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("12:30", "12:30"),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("0123", 123),
        ("0o17", 15),
        ("-0x1", "-0x1"),
        ("1_000", "1_000"),
        (".inf", float("inf")),
        ("~", None),
        ("null", None),
        ("", None),
        ("2013-01-31", datetime.date(2013, 1, 31)),
        ("'2013-01-31'", "2013-01-31"),
        ("a: b", {"a": "b"}),
    ],
)
def test_a_value_means_what_it_means_in_yaml_1_2(read, text, value):
    if isinstance(value, dict):
        text = f"{{{text}}}"
    result = read(f"key: {text}")["key"]
    assert (result, type(result)) == (value, type(value))


def test_the_mark_before_utf_8_text_is_left_out(read):
    assert read(b"\xef\xbb\xbfa: 1") == {"a": 1}


def test_keys_can_be_merged_and_overridden(read):
    assert read("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3") == {
        "base": {"x": 1, "y": 2},
        "mine": {"x": 1, "y": 3},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3", ", line 4: not readable as YAML: the key `c` stands twice (first in line 3)"),
        ("a: 1\n? [b]\n: 2", ", line 2: not readable as YAML: a key must be a single word or number"),
        ("a: 2013-02-30", ", line 1: not readable as YAML: `2013-02-30` is no timestamp"),
        ("a: !!int x", ", line 1: not readable as YAML: `x` is no int"),
        ("a: " + "9" * 5000, f", line 1: not readable as YAML: `{'9' * 40}` is no int"),
        ("a: 1\n---\nb: 2", ", line 2: not readable as YAML: expected a single document in the stream, but found another document"),
        ("a: !!python/name:os.system", ", line 1: not readable as YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("a: [1", ", line 2: not readable as YAML: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("a: \x00", ": not readable as YAML: unacceptable character #x0000: control characters are not allowed"),
        ("", ": found nothing, expected keys with values"),
        ("- a", ": found a list, expected keys with values"),
        ("a", ": found a single value, expected keys with values"),
        (b"a: \xe9", ": not UTF-8 text (byte 3)\n  Save it as UTF-8."),
        ("a: " + "{a: " * 1000 + "}" * 1000, ": not readable as YAML: nested too deeply"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line(read, text, message):
    refused(read, text, message)


def test_a_file_that_is_not_there_says_where_it_was_looked_for(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(ProjectError) as caught:
        read_yaml("params.yaml")
    assert str(caught.value) == (
        "params.yaml: no such file\n  It is looked for in project/; run from the project's root."
    )


def test_a_folder_is_not_readable(tmp_path):
    with pytest.raises(ProjectError, match=r": not readable: Is a directory$"):
        read_yaml(tmp_path)


tokens = ["a", "b: ", "- ", "? ", ": ", "{", "}", "[", "]", ", ", "&x ", "*x", "<<: ", "!!int ", "!!set ", "!!omap ", "!!binary ",
          "!!timestamp ", "!!bool ", "!!merge ", "|\n", "'", '"', "#", "\n", "\n  ", "\t", "1", "2013-13-45", "---\n", "%YAML 1.1\n",
          "null", "1e5", "0x", "\x00", "\ufeff", "é"]  # fmt: skip


@settings(max_examples=300)
@given(st.one_of(st.lists(st.sampled_from(tokens), max_size=12).map("".join), st.text(max_size=30)))
def test_any_text_is_keys_with_values_or_one_mistake(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(read_yaml(path), dict)
    except ProjectError as mistake:
        assert str(mistake).startswith(str(path))


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
trees = st.recursive(leaves, lambda inner: st.one_of(st.lists(inner), st.dictionaries(texts, inner)), max_leaves=5)


@settings(max_examples=50)
@given(st.dictionaries(texts, trees, max_size=3))
def test_json_is_read_as_what_it_is(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read_yaml(path) == content
