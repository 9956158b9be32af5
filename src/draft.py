"""Draft: look at your data, and write a params.yaml and a contract.yaml that run at once; every guess stands in them.

    python src/draft.py my.csv --target y
    python src/draft.py visits.csv patients.xlsx --target recovered --table visits --table patients
    python src/draft.py postgresql://host/db --query "SELECT * FROM visits ORDER BY id" --table visits --target y

The first table has the target; the others are joined where a column points to them. What the two files were before is
kept beside them (params.yaml.before-draft).
"""

import argparse
import tempfile
from pathlib import Path

import features as feature_functions
import rules as rule_functions
from pipeline import contract, params, stage
from pipeline.derive import functions_of
from pipeline.drafting import inputs, report, writing
from pipeline.drafting.plan import make_plan
from pipeline.drafting.sniffing import Told, sniff
from pipeline.drafting.tables import Table, guess_table
from pipeline.errors import ProjectError
from pipeline.sources import store


def main() -> None:
    summary, _, examples = __doc__.partition("\n\n")
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python src/draft.py", description=summary, epilog=examples, formatter_class=form)
    parser.add_argument(
        "places", metavar="FILE_OR_URI", nargs="+", help="CSV, JSON, JSON lines, Parquet, Excel, or a database"
    )
    parser.add_argument(
        "--target", required=True, metavar="COLUMN", help="what to predict: a column of the first table"
    )
    parser.add_argument(
        "--table", action="append", default=[], metavar="NAME", help="of the first table, the second, …"
    )
    parser.add_argument(
        "--query", action="append", default=[], metavar="SQL", help="of the first database, the second, …"
    )
    parser.add_argument("--sheet", help="of Excel: its name or number (default: the first)")
    parser.add_argument("--encoding", help="of text, where it is guessed wrongly: latin-1, cp1250, shift_jis, …")
    parser.add_argument("--delimiter", help="of CSV, where it is guessed wrongly")
    given = parser.parse_args()
    delimiter = {"\\t": "\t"}.get(given.delimiter, given.delimiter)
    if delimiter is not None and not (len(delimiter) == 1 and delimiter.isascii()):
        problem = f"found `{given.delimiter}`, expected one character of ASCII"
        raise ProjectError("--delimiter", problem, "A tab is written \\t.")
    told = Told(given.encoding, delimiter, given.sheet)
    draft(given.places, given.target, given.table, given.query, told)


def draft(places: list[str], target: str, names: list[str], queries: list[str], told: Told) -> None:
    """Guess, and write the drafts once all is known; a mistake leaves everything as it was.

    Raises:
        ProjectError: what cannot be read, or cannot be predicted.
    """
    if not Path("dvc.yaml").exists():
        raise ProjectError("dvc.yaml", "no such file", "Run it from the project's root: python src/draft.py …")
    givens = inputs.understand(places, names, queries, told)
    with store.locked(store.RAW), tempfile.TemporaryDirectory() as folder:
        givens = [inputs.fetch(given, Path(folder)) if given.file is None else given for given in givens]
        try:
            plan = make_plan(guess_tables(givens), target, functions_of(feature_functions))
        except ProjectError as mistake:  # of a file that was fetched: name the place that the user knows
            known = {str(given.file): given.source.uri for given in givens if given.source.sha256}
            raise ProjectError(known.get(mistake.where, mistake.where), mistake.problem, mistake.remedy) from None
        pinned = inputs.bring(givens)
    written = {params.FILE: writing.params_text(plan, pinned), contract.FILE: writing.contract_text(plan)}
    kept = replace_files(written)
    print(report.report(plan, givens, pinned, kept))


def guess_tables(givens: list[inputs.Given]) -> list[Table]:
    """Guess each table; a column that is text in one and numbers in another, under one name, is text in both."""
    functions = vars(rule_functions)
    sniffed = [sniff(given.file, given.table, given.told) for given in givens]
    tables = [guess_table(found, functions) for found in sniffed]
    texts = {column.name for table in tables for column in table.columns if column.field.type == "string"}
    numbers = {column.name for table in tables for column in table.columns if column.field.type == "integer"}
    both = frozenset(texts & numbers)
    return [
        guess_table(found, functions, both) if both & set(table.frame) else table
        for found, table in zip(sniffed, tables, strict=True)
    ]


def replace_files(written: dict[Path, str]) -> dict[Path, Path]:
    """Check the drafts, keep a copy of each file that they replace, and put them in its place.

    Returns:
        file -> the copy of what it was.
    """
    new = {file: file.with_name(f".{file.name}.new") for file in written}
    for file, text in written.items():
        new[file].write_bytes(text.encode("utf-8"))
    params.load_all(new[params.FILE])
    contract.load(new[contract.FILE])
    kept = {}
    for file, text in written.items():
        if file.exists() and file.read_bytes() != text.encode("utf-8"):
            kept[file] = keep_copy(file)
        new[file].replace(file)
    return kept


def keep_copy(file: Path) -> Path:
    """Copy a file beside itself under a name that nothing has yet."""
    names = (f"{file.name}.before-draft" + (f"-{n}" if n > 1 else "") for n in range(1, 10_000))
    copy = next(path for name in names if not (path := file.with_name(name)).exists())
    copy.write_bytes(file.read_bytes())
    return copy


if __name__ == "__main__":
    stage.run(main)
