"""What a draft guessed, what to look at, and what to do next: the words that the command ends with."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline import contract, params
from pipeline.drafting.inputs import Given, unused
from pipeline.drafting.plan import Plan
from pipeline.drafting.tables import Table
from pipeline.drafting.writing import counted_texts, one_line
from pipeline.params import Source

KINDS = {  # one, several
    "number": ("number", "numbers"),
    "time": ("time", "times"),
    "boolean": ("yes/no", "yes/no"),
    "category": ("category", "categories"),
    "text": ("free text", "free texts"),
    "empty": ("empty", "empty"),
}


AFTERWARDS = "is an input known only afterwards? Mark it `hindsight: true` in contract.yaml, and no model will see it"
YOURS = (
    "  CITATION.cff and README.md still tell of what was here before; descriptions in contract.yaml are yours to write"
)


def report(plan: Plan, givens: list[Given], pinned: Mapping[str, Source], kept: Mapping[Path, Path]) -> str:
    """The summary, a line a fact."""
    lines = [line for table in plan.tables for line in _table(table, plan)] + _choices(plan)
    lines += ["", "Look at", *(f"  - {word}" for word in [*plan.look, *_suggested(plan), AFTERWARDS])]
    lines += ["", "Written"]
    lines += [
        f"  {file}" + (f" (before: {kept[file]})" if file in kept else "") for file in (params.FILE, contract.FILE)
    ]
    copied = [given.source.uri for given in givens if given.copy]
    lines += [f"  {uri}, a copy for Git; if it must not go there: dvc add '{uri}'" for uri in copied]
    lines += ["", "Next", "  dvc repro"]
    if old := unused(pinned):
        lines.append(f"  git rm {' '.join(old)}  # no table comes from them any more")
    return "\n".join(map(one_line, [*lines, YOURS]))


def _table(table: Table, plan: Plan) -> list[str]:
    kinds = Counter(column.kind for column in table.columns)
    said = ", ".join(f"{kinds[kind]} {words[kinds[kind] > 1]}" for kind, words in KINDS.items() if kinds[kind])
    lines = [f"{table.name}: {len(table.frame):,} rows, {len(table.columns)} columns ({said})"]
    lines += [f"  {note}" for note in table.notes]
    if texts := counted_texts(table):
        lines.append(f"  no value: {texts}")
    keys = plan.keys[table.name]
    lines.append("  key: " + (", ".join(keys[0]) if keys else "none found"))
    for key in plan.references if table is plan.main else []:
        lines.append(f"  ({', '.join(key.fields)}) points to {key.table} ({', '.join(key.reference)}), which is joined")
    return [*lines, ""]


def _choices(plan: Plan) -> list[str]:
    target, split, trial = plan.target, plan.trial.split, plan.trial
    classes = [f"{value} {count:,}" for value, count in target.classes.items()]
    missing = plan.main.column(target.column).missing
    dropped = f"; {missing:,} row{'s' if missing > 1 else ''} without it will be dropped" if missing else ""
    lines = [f"target   {target.name}: {target.why}" + (f" ({_some(classes, 6)})" if classes else "") + dropped]
    lines.append(f"inputs   {len(plan.inputs)}: {_some(plan.inputs, 12)}")
    if plan.left_out:
        lines.append("left out " + _some([f"{name} ({reason})" for name, reason in plan.left_out.items()], 8))
    by = split["by"] + (f" ({split['column']})" if "column" in split else "")
    lines.append(f"split    by {by}: {trial.train_rows:,} rows to learn from, {trial.test_rows:,} to test on")
    return [*lines, f"model    {plan.model()[0].rpartition('.')[2]}"]


def _suggested(plan: Plan) -> list[str]:
    count = sum(map(len, plan.suggestions.values()))
    rules = (
        "1 cleaning rule that may be worth having stands"
        if count == 1
        else f"{count} cleaning rules that may be worth having stand"
    )
    return [f"{rules} behind a # in params.yaml"] if count else []


def _some(words: list[str], shown: int) -> str:
    return ", ".join(words[:shown]) + (f", … {len(words) - shown} more" if len(words) > shown else "")
