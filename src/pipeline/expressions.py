"""Expressions over columns, such as `arr_delay >= 15 and carrier in ['UA', 'AA']`: read by a grammar, never run.

What is missing stays missing, in and/or/not as in SQL (Kleene's three values); a result that is no finite number is
missing too (division by zero, a root of a negative number). Whole numbers stay whole (Int64) under `+ - * // %`; `/`
and `**` give float64. A time minus a time is seconds. Text between quotes is taken as it stands, without escapes.
"""

import ast
import datetime
import functools
import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.errors import ProjectError, nearest

ALLOWED = (
    "Allowed: columns (`of any spelling` between backticks), numbers, 'text', true, false, + - * / // % **, "
    "== != < <= > >=, in [a list], and, or, not, missing(x), parentheses."
)
LONGEST, DEEPEST = 1000, 100  # characters, and operations inside one another
ARITHMETIC = {
    ast.Add: ("adds", np.add),
    ast.Sub: ("subtracts", np.subtract),
    ast.Mult: ("multiplies", np.multiply),
    ast.Div: ("divides", np.true_divide),
    ast.FloorDiv: ("divides", np.floor_divide),
    ast.Mod: ("divides", np.remainder),
    ast.Pow: ("raises to a power", np.power),
    ast.USub: ("negates", np.negative),
}
EQUALITY = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
ORDER = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
A_KIND = {"number": "a number", "text": "text", "boolean": "a boolean", "time": "a time"}
READ_AS = {  # kind of dtype -> kind here, dtype of the arrays, what stands in them where a value is missing
    "b": ("boolean", "bool", False),
    "i": ("number", "int64", 0),
    "f": ("number", "float64", np.nan),
    "M": ("time", "datetime64[us]", np.datetime64("NaT", "us")),
}
REFUSED = {
    ast.Name: "a name that starts with __",
    ast.Call: "a call",
    ast.Attribute: "an attribute (a dot after a name)",
    ast.Subscript: "a subscript",
    ast.Lambda: "a lambda",
    ast.NamedExpr: "an assignment (:=)",
    ast.IfExp: "a choice (if … else)",
    ast.Compare: "`is`, or `in` without a list or inside a chain,",
    ast.List: "a list that does not follow `in`",
    **dict.fromkeys([ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp], "a comprehension"),
    **dict.fromkeys([ast.BinOp, ast.UnaryOp], "an operator that is not offered"),  # & | ^ ~ @ << >> and a leading +
}


class Parsed(NamedTuple):
    """An expression, where it stands, and its tree, whose positions are characters of this text."""

    text: str
    where: str
    tree: ast.expr | None = None

    def source(self, node: ast.expr) -> str:
        return self.text[node.col_offset : node.end_col_offset]

    def mistake(self, place: ast.expr | int, problem: str, remedy: str = ALLOWED) -> ProjectError:
        start = place if isinstance(place, int) else place.col_offset
        return ProjectError(self.where, f"`{_line(self.text)}`, character {start + 1}: {problem}", remedy)


class Value(NamedTuple):
    """A column on its way through an expression, or a constant (without dimension); data mean nothing where missing."""

    kind: str
    data: Any
    missing: Any = np.False_
    node: ast.expr | None = None


def columns_of(text: str, where: str) -> list[str]:
    """Name the columns that an expression reads, in the order in which they first appear.

    Raises:
        ProjectError: the text is no expression; says what is refused and at which character.
    """
    parsed = _parse(text, where)
    return list(dict.fromkeys(name for name, _ in _columns(parsed, parsed.tree)))


def evaluate(text: str, table: pd.DataFrame, where: str) -> pd.Series:
    """Compute an expression for each row; mistakes of kind (text + number) show on a table without rows as well.

    Returns:
        One value a row, with the index of the table: Int64, float64, str, boolean or datetime64[us].

    Raises:
        ProjectError: the text is no expression, a column is unknown, kinds do not go together, or a whole number
            leaves 64 bits.
    """
    parsed = _parse(text, where)
    for name, node in _columns(parsed, parsed.tree):
        if name not in table.columns:
            raise parsed.mistake(node, f"no such column `{_line(name)}`", nearest(name, table.columns, "columns"))
    with np.errstate(all="ignore"):
        value = _value(parsed, parsed.tree, table)
    if value.kind == "text":
        return pd.Series(value.data, index=table.index, dtype="str")
    # A copy: a view would let who writes into the result write into the table.
    data, missing = (np.array(np.broadcast_to(array, len(table))) for array in (value.data, value.missing))
    if data.dtype.kind == "f":
        data[missing] = np.nan
    elif data.dtype.kind in "bi":
        data = (pd.arrays.BooleanArray if value.kind == "boolean" else pd.arrays.IntegerArray)(data, missing)
    return pd.Series(data, index=table.index, copy=False)


def _line(text: str) -> str:
    """Show text in one line; positions stay."""
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= 80 else text[:79] + "…"


def _parse(text: str, where: str) -> Parsed:
    """Let Python's parser make the tree, after masking quoted text and letters beyond ASCII, each character by a Q.

    So positions stay, a quoted text has no escapes and is no f-string, and Python normalises no name.
    """
    parsed = Parsed(text.strip(), where)
    if not parsed.text:
        raise ProjectError(where, "the expression is empty", ALLOWED)
    if len(parsed.text) > LONGEST:
        remedy = f"At most {LONGEST} are allowed; make several features of it."
        raise ProjectError(where, f"`{_line(parsed.text)}` has {len(parsed.text)} characters", remedy)

    def mask(match: re.Match) -> str:
        found, (start, end) = match[0], match.span()
        if found[0].isdecimal() and found.isascii():  # as in `1or 2`, of which Python warns
            raise parsed.mistake(start, "a number directly beside a word", "Put a space between them.")
        if len(found) > 1:
            if re.search(r"[\w'\"`]", parsed.text[max(start - 1, 0) : start] + parsed.text[end : end + 1]):
                raise parsed.mistake(start, "letters or quotes directly beside a quoted text, as in f'', are refused")
            if re.search("[\ud800-\udfff]", found):
                raise parsed.mistake(start, "half a character (a lone surrogate) is refused")
            return "Q" * len(found)
        if found.isspace() or f"Q{found}".isidentifier():
            return " " if found.isspace() else "Q"
        raise parsed.mistake(start, "a quote that is not closed" if found in "'\"`" else f"`{_line(found)}` is refused")

    number_beside_word = r"(?<!\w)[0-9][\w.]*?(?=and|or|not|in|is|if|else|for)"
    quoted_or_odd = r"""'[^']*'|"[^"]*"|`[^`]*`|['"`#\\\s]|[^\x00-\x7f]"""
    source = re.sub(f"{quoted_or_odd}|{number_beside_word}", mask, parsed.text)
    try:
        return parsed._replace(tree=ast.parse(source, mode="eval").body)
    except SyntaxError as exc:
        start = min((exc.offset or len(source) + 1) - 1, len(source))
        remedy = "Write == to compare." if source[start : start + 1] == "=" else ALLOWED
        raise parsed.mistake(start, "not readable as an expression from here", remedy) from None
    except (ValueError, MemoryError, RecursionError):  # a null byte; deeper than Python's parser goes
        raise parsed.mistake(0, "not readable as an expression") from None


def _columns(parsed: Parsed, node: ast.expr, depth: int = 0) -> Iterator[tuple[str, ast.expr]]:
    """Yield each column's name and place; refuse whatever is not expressly allowed."""
    if depth > DEEPEST:
        raise parsed.mistake(node, f"over {DEEPEST} operations inside one another", "Make several features of it.")
    _, parts = _operation(parsed, node)
    if isinstance(node, ast.Name) and (name := parsed.source(node))[0] not in "'\"" and name not in ("true", "false"):
        yield name.strip("`"), node
    for part in parts:
        yield from _columns(parsed, part, depth + 1)


def _operation(parsed: Parsed, node: ast.expr) -> tuple[Callable[..., Value], list[ast.expr]]:
    """The whole grammar: the function that computes this node, and the parts whose values it takes."""
    match node:
        case ast.Name() if not parsed.source(node).startswith("__"):
            return _leaf, []
        case ast.Constant(int() | float() as number):
            if number == float("inf") or (isinstance(number, int) and number >= 2**63):
                raise parsed.mistake(node, "a number too large", "Whole ones go to 9223372036854775807, 1e19 to 1e308.")
            return _leaf, []
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            return _arithmetic, [left, right]
        case ast.UnaryOp(ast.USub(), part):
            return _arithmetic, [part]
        case ast.UnaryOp(ast.Not(), part):
            return _logic, [part]
        case ast.BoolOp(_, parts):
            return _logic, parts
        case ast.Compare(left, [ast.In() | ast.NotIn()], [ast.List([_, *_] as elements)]):
            for element in elements:
                negative = isinstance(element, ast.UnaryOp) and isinstance(element.op, ast.USub)
                literal = element.operand if negative else element
                if not isinstance(literal, ast.Constant | ast.Name) or list(_columns(parsed, literal)):
                    raise parsed.mistake(element, "a list holds only numbers, 'text', true and false")
            return _membership, [left, *elements]
        case ast.Compare(left, ops, rights) if all(type(op) in EQUALITY | ORDER for op in ops):
            return _chain, [left, *rights]
        case ast.Call(ast.Name("missing"), [part], []):
            return _missing, [part]
    what = REFUSED.get(type(node), "this")  # a name comes here only if it starts with __
    raise parsed.mistake(node, f"{what} is refused: `{_line(parsed.source(node))}`")


def _value(parsed: Parsed, node: ast.expr, table: pd.DataFrame) -> Value:
    compute, parts = _operation(parsed, node)
    values = [_value(parsed, part, table) for part in parts]
    return (_leaf(parsed, node, table) if compute is _leaf else compute(parsed, node, values))._replace(node=node)


def _leaf(parsed: Parsed, node: ast.Name | ast.Constant, table: pd.DataFrame) -> Value:
    source = parsed.source(node)
    if isinstance(node, ast.Constant) or source in ("true", "false"):
        data = np.asarray(source == "true" if isinstance(node, ast.Name) else node.value)
        return Value("boolean" if data.dtype.kind == "b" else "number", data)
    if source[0] in "'\"":
        return Value("text", source[1:-1])
    column = table[source.strip("`")]
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, pd.StringDtype):
        return Value("text", column.astype("str").array, missing)
    if column.dtype.kind not in READ_AS or isinstance(column.dtype, pd.DatetimeTZDtype):
        remedy = "Expressions read numbers, text, booleans, and times in UTC without a zone."
        raise parsed.mistake(node, f"a column of type {column.dtype}", remedy)
    kind, dtype, filler = READ_AS[column.dtype.kind]
    return Value(kind, column.to_numpy(dtype, **({"na_value": filler} if missing.any() else {})), missing)


def _missing(parsed: Parsed, node: ast.Call, values: list[Value]) -> Value:
    return Value("boolean", values[0].missing)


def _arithmetic(parsed: Parsed, node: ast.BinOp | ast.UnaryOp, values: list[Value]) -> Value:
    doing, function = ARITHMETIC[type(node.op)]
    arrays, kinds = [value.data for value in values], [value.kind for value in values]
    missing = functools.reduce(operator.or_, [value.missing for value in values])
    if kinds == ["time", "time"] and isinstance(node.op, ast.Sub):
        return Value("number", (arrays[0] - arrays[1]) / np.timedelta64(1, "s"), missing)
    if set(kinds) != {"number"}:
        raise _kinds(parsed, doing, values)
    if isinstance(node.op, ast.Div | ast.Pow) or any(array.dtype.kind == "f" for array in arrays):
        data = function(*(array.astype("float64", copy=False) for array in arrays))
        return Value("number", data, missing | ~np.isfinite(data))
    if isinstance(node.op, ast.FloorDiv | ast.Mod):
        missing = missing | (arrays[1] == 0)
    data = function(*arrays)
    reach = [max(-int(array.min(initial=0)), int(array.max(initial=0))) for array in arrays]
    if max(sum(reach), math.prod(reach)) >= 2**63 and not isinstance(node.op, ast.Mod):
        # 64 bits may be too few: then a result is off by 2**64, far beyond what floats lose in rounding
        true = function(*(array.astype("float64") for array in arrays))
        if (~missing & (np.abs(true - data) > 2.0**62)).any():
            remedy = "Make one of them a decimal number, as in 1.0 * x."
            raise parsed.mistake(node, "a result beyond the whole numbers of 64 bits", remedy)
    return Value("number", data, missing)


def _logic(parsed: Parsed, node: ast.BoolOp | ast.UnaryOp, values: list[Value]) -> Value:
    if {value.kind for value in values} != {"boolean"}:
        doing = {ast.Not: "`not` negates", ast.And: "`and` joins", ast.Or: "`or` joins"}[type(node.op)]
        raise _kinds(parsed, doing, values)
    if isinstance(node.op, ast.Not):
        return Value("boolean", ~values[0].data, values[0].missing)
    return _joined(values, decisive=isinstance(node.op, ast.Or))


def _joined(values: list[Value], decisive: bool) -> Value:
    """Join booleans by `or`, which one True decides, or by `and`, which one False decides, whatever is missing."""
    decided = functools.reduce(operator.or_, [~value.missing & (value.data == decisive) for value in values])
    data = functools.reduce(operator.or_ if decisive else operator.and_, [value.data for value in values])
    return Value("boolean", data, ~decided & functools.reduce(operator.or_, [value.missing for value in values]))


def _chain(parsed: Parsed, node: ast.Compare, values: list[Value]) -> Value:
    pairs = zip(node.ops, itertools.pairwise(values), strict=True)
    return _joined([_compare(parsed, type(op), *pair) for op, pair in pairs], decisive=False)


def _membership(parsed: Parsed, node: ast.Compare, values: list[Value]) -> Value:
    found = _joined([_compare(parsed, ast.Eq, values[0], member) for member in values[1:]], decisive=True)
    return found if isinstance(node.ops[0], ast.In) else Value("boolean", ~found.data, found.missing)


def _compare(parsed: Parsed, op: type[ast.cmpop], *values: Value) -> Value:
    if {value.kind for value in values} == {"time", "text"}:
        values = [_time(parsed, value) if isinstance(value.data, str) else value for value in values]
    a, b = values
    if a.kind != b.kind or (a.kind == "boolean" and op in ORDER):
        raise _kinds(parsed, "compares" if a.kind != b.kind else "orders", values)
    return Value("boolean", np.asarray((EQUALITY | ORDER)[op](a.data, b.data), dtype="bool"), a.missing | b.missing)


def _time(parsed: Parsed, value: Value) -> Value:
    try:
        time = datetime.datetime.fromisoformat(value.data)
        time = time.astimezone(datetime.UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        raise parsed.mistake(value.node, f"'{_line(value.data)}' is no time", "Write '2013-01-31 15:30'.") from None
    return Value("time", np.asarray(np.datetime64(time, "us")))


def _kinds(parsed: Parsed, doing: str, values: Sequence[Value]) -> ProjectError:
    found = ", ".join(f"`{_line(parsed.source(value.node))}` is {A_KIND[value.kind]}" for value in values)
    kinds = [value.kind for value in values]
    if "time" in kinds:
        found += (
            "; times are compared, with one another or with '2013-01-31 15:30', or subtracted, which gives seconds; "
            "to shift one, write a function in src/features.py"
        )
    return parsed.mistake(values[0].node, f"{doing} {' and '.join(kinds)}", f"{found}.")
