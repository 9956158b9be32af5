"""How a draft finds delimiter, header and names in the files that people have."""

import pytest

from pipeline.drafting.layout import find_delimiter, find_layout, split

DATA = [["1", "2,5", "x"], ["2", "3,5", "y"]]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n1,7;2,7\n", ";"),
        ("a\tb\tc\nx, y\t1\t2\nx, z\t1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('a,b\n"x;y",2\n"x;z",3\n', ","),
        ("Report\n\na;b;c\n1;2;3\n4;5;6\n", ";"),
        ("a\n1\n2\n", None),
        ("", None),
    ],
)
def test_the_delimiter_cuts_most_lines_alike(text, delimiter):
    assert find_delimiter(text.splitlines(keepends=True)) == delimiter


@pytest.mark.parametrize(
    ("rows", "names", "dialect"),
    [
        ([["id", "Größe [m]", "b c"], *DATA], ["id", "Größe [m]", "b c"], {}),
        ([["Title"], [], ["id", "b", "c"], *DATA], ["id", "b", "c"], {"headerRows": [3]}),
        ([["Title", "", ""], ["", "", ""], ["id", "b", "c"], *DATA], ["id", "b", "c"], {"headerRows": [3]}),
        ([["id", "b", "c"], ["", "(mm)", "[g]"], *DATA], ["id", "b", "c"], {"commentRows": [2]}),
        ([["T"], ["id", "b", "c"], ["s", "mm", ""], *DATA], ["id", "b", "c"], {"headerRows": [2], "commentRows": [3]}),
        ([["country", "1990", "1991"], ["A", "1", "2"]], ["country", "1990", "1991"], {}),
        ([["1990", "1991"], ["5", "6"]], ["1990", "1991"], {}),
        ([["0", "1", "2"], ["5", "6", "7"]], ["0", "1", "2"], {}),
        # No name, or the same again: the contract names the columns by their order, and skips the header.
        (DATA, ["column_1", "column_2", "column_3"], {"header": False}),
        ([["a", "a", "a_2"], *DATA], ["a", "a_3", "a_2"], {"header": False, "commentRows": [1]}),
        ([["", "b", "c"], *DATA], ["column_1", "b", "c"], {"header": False, "commentRows": [1]}),
        ([["b", "c"], *DATA], ["column_1", "b", "c"], {"header": False, "commentRows": [1]}),
        ([["Title"], ["a", "a", "b"], *DATA], ["a", "a_2", "b"], {"header": False, "commentRows": [1, 2]}),
    ],
)
def test_columns_get_names_and_the_contract_says_where_they_stand(rows, names, dialect):
    layout = find_layout(rows)
    assert (layout.names, layout.dialect()) == (names, dialect)


def test_units_below_the_header_are_kept():
    assert find_layout([["id", "b", "c"], ["", "(mm)", "[km/h]"], *DATA]).units == {"b": "mm", "c": "km/h"}


@pytest.mark.parametrize("rows", [[], [[]], [["", ""], ["", ""]]])
def test_without_cells_there_is_no_layout(rows):
    assert find_layout(rows) is None


def test_what_is_unusual_is_said():
    notes = find_layout([["Title"], ["a", "a", ""], *DATA]).notes
    assert notes == [
        "the header is row 2; what stands above it is skipped",
        "1 column has no name in the header: named by its place",
        "`a` stands several times in the header: the later ones are numbered",
    ]


def test_a_broken_row_at_the_end_of_what_is_looked_at_is_left_out():
    assert split(["a,b\n", '1,"2\n'], ",") == [["a", "b"], ["1", "2\n"]]
