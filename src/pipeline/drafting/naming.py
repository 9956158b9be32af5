"""Names that params.yaml can use: made of a column's, or a file's."""

import re
import unicodedata


def slug(text: str, other: str = "column") -> str:
    """A short name of letters a to z, digits and _."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") or other


def free(name: str, taken: set[str]) -> str:
    """The name, or with a number behind it where it is taken; it is taken then."""
    found = next(
        candidate for n in range(1, len(taken) + 2) if (candidate := name if n == 1 else f"{name}_{n}") not in taken
    )
    taken.add(found)
    return found


def in_expression(column: str) -> str:
    """A column as an expression names it."""
    return column if re.fullmatch("[A-Za-z][A-Za-z0-9_]*", column) else f"`{column}`"
