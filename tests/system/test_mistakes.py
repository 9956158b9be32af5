"""Every mistake of a user's ends in its own words, exit status 1, no traceback, and nothing half-written."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from project import contents, locked, replace, run, run_warm, stages_run

EDITED = ("params.yaml", "contract.yaml", "CITATION.cff")


@pytest.fixture
def files(untouched: Path, tmp_path: Path) -> Path:
    """What check reads: the files that a user edits, and the code."""
    project = tmp_path / "project"
    shutil.copytree(untouched / "src", project / "src")
    for name in EDITED:
        shutil.copy(untouched / name, project)
    return project


def told(project: Path, script: str, run: Callable[..., subprocess.CompletedProcess[str]] = run_warm) -> str:
    """Run a stage that has to refuse; return its words, without the lists of all known names.

    What it has written must be gone: each file is as it was before, or there is none.
    """
    before = contents(project, ["."])
    ended = run(project, f"src/{script}.py")
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert contents(project, ["."]).items() <= before.items(), "half-written"
    return re.sub(r"^  (Did you mean `.*`\?)  \(.*\)$", r"  \1", ended.stderr.rstrip("\n"), flags=re.MULTILINE)


def run_cold(project: Path, script: str) -> subprocess.CompletedProcess[str]:
    return run(project, "python", script, PYTHONDONTWRITEBYTECODE="1")


# What is written instead of what -> what check says.
MISTAKES = {
    # keys and values of params.yaml
    ("params.yaml", "  balance: none", "  ballance: none"): (
        "params.yaml: serve.ballance: no such key\n  Did you mean `balance`?"
    ),
    ("params.yaml", "clean:\n", "clean:\n  x: 1\n"): "params.yaml: clean.x: found 1, expected keys with values",
    ("params.yaml", "  folds: 5", "  folds: 5.5"): "params.yaml: train.folds: found 5.5, expected a whole number",
    ("params.yaml", "  balance: none", "  balance: sub"): (
        "params.yaml: serve.balance: found `sub`, no such choice\n  Did you mean `subsample`?"
    ),
    ("params.yaml", "partition_rows:", "seed: 1\npartition_rows:"): (
        "params.yaml, line 5: not readable as YAML: the key `seed` stands twice (first in line 4)"
    ),
    ("params.yaml", "  target: late\n", ""): "params.yaml: serve.target: this key is missing",
    # sources
    ("params.yaml", "  planes:\n    uri:", "  plains:\n    uri:"): (
        "params.yaml: access: no table `plains`\n  Did you mean `planes`?\n"
        "contract.yaml: resources: no source in params.yaml: access for `planes`\n  Did you mean `plains`?"
    ),
    ("params.yaml", "uri: data/source/flights.csv.gz", "uri: https://me:secret@example.org/flights.csv.gz"): (
        "params.yaml: access.flights.uri: holds a password or a user's name\n"
        "  Put it in an environment variable and write {ITS_NAME} here."
    ),
    # rules
    ("params.yaml", "rule: drop_missing", "rule: drop_mising"): (
        "params.yaml: clean.flights.arrived.rule: no rule `drop_mising`\n  Did you mean `drop_missing`?"
    ),
    ("params.yaml", "      max: 600", "      maximum: 600"): (
        "params.yaml: clean.flights.plausible_delay.maximum: no such option of drop_outside\n  Did you mean `max`?"
    ),
    ("params.yaml", "      max: 600", "      max: [600]"): (
        "params.yaml: clean.flights.plausible_delay.max: found [600], expected a single value"
    ),
    ("params.yaml", "      max: 600", "      max: much"): (
        "params.yaml: clean.flights.plausible_delay: found 'much', but the column `arr_delay` holds numbers"
    ),
    ("params.yaml", "drop_missing\n      column: arr_delay", "drop_missing\n      column: arival_delay"): (
        "params.yaml: clean.flights.arrived: no column `arival_delay` in the table `flights`\n"
        "  Did you mean `arr_delay`?"
    ),
    ("params.yaml", "  weather:\n    possible_wind:", "  wether:\n    possible_wind:"): (
        "params.yaml: clean.wether: no such table in contract.yaml\n  Did you mean `weather`?"
    ),
    # features
    ("params.yaml", "function: hour_of", "function: houre_of"): (
        "params.yaml: transform.features.dep_hour.function: no such function `houre_of`\n  Did you mean `hour_of`?"
    ),
    ("params.yaml", "column: sched_dep_time}", "column: sched_dep_time, of: day}"): (
        "params.yaml: transform.features.dep_hour.of: no such option of hour_of\n  (options: column)"
    ),
    ("params.yaml", "column: sched_dep_time}", "column: shed_dep_time}"): (
        "params.yaml: transform.features.dep_hour.column: no such column `shed_dep_time`\n"
        "  Did you mean `sched_dep_time`?"
    ),
    ("params.yaml", "plane_age: year - planes_year", "plane_age: year - planes_yaer"): (
        "params.yaml: transform.features.plane_age: no such column `planes_yaer`\n  Did you mean `planes_year`?"
    ),
    ("params.yaml", "plane_age: year - planes_year", "plane_age: year - carrier"): (
        "params.yaml: transform.features.plane_age: `year - carrier`, character 1: subtracts number and text\n"
        "  `year` is a number, `carrier` is text."
    ),
    ("params.yaml", "plane_age: year - planes_year", "plane_age: year - other_age\n    other_age: year - plane_age"): (
        "params.yaml: transform.features.other_age: other_age needs plane_age needs other_age, a circle\n"
        "  Derive one of them from columns of the table only."
    ),
    # tables, joins and columns
    ("params.yaml", "joins: [weather, planes]", "joins: [weather, plane]"): (
        "params.yaml: transform.joins: no table `plane`\n  Did you mean `planes`?"
    ),
    ("params.yaml", "    - distance\n", "    - distanse\n"): (
        "params.yaml: serve.inputs: no column `distanse` in data/features\n  Did you mean `distance`?"
    ),
    ("params.yaml", "  target: late", "  target: lates"): (
        "params.yaml: serve.target: no column `lates` in data/features\n  Did you mean `late`?"
    ),
    ("contract.yaml", "- name: late\n", "- name: lat\n"): (
        "contract.yaml: ready.lat: no column `lat`\n  Did you mean `late`?"
    ),
    (
        "contract.yaml",
        "reference: {resource: planes, fields: [tailnum]}",
        "reference: {resource: planes, fields: [tail]}",
    ): ("contract.yaml: flights.foreignKeys.reference: no column `tail`\n  Did you mean `tailnum`?"),
    # hindsight
    ("params.yaml", "    - distance\n", "    - distance\n    - dep_delay\n"): (
        "params.yaml: serve.inputs: `dep_delay` is known only afterwards: contract.yaml marks it\n"
        "  Take it out: a model that sees the future is of no use today."
    ),
    (
        "params.yaml",
        "plane_age: year - planes_year",
        "gain: dep_delay - arr_delay\n    plane_age: gain - planes_year",
    ): (
        "params.yaml: serve.inputs: `plane_age` is known only afterwards: it derives from `arr_delay`"
        " (plane_age <- gain <- arr_delay)\n"
        "  Take it out: a model that sees the future is of no use today."
    ),
    # the model and the gate
    ("params.yaml", "HistGradientBoostingClassifier", "HistGradientBoostClassifier"): (
        "params.yaml: train.model: found `sklearn.ensemble.HistGradientBoostClassifier`, no such class in scikit-learn\n"
        "  Did you mean `sklearn.ensemble.HistGradientBoostingClassifier`?"
    ),
    ("params.yaml", "    max_iter: 150", "    max_itre: 150"): (
        "params.yaml: train.options.max_itre: no such option of HistGradientBoostingClassifier\n"
        "  Did you mean `max_iter`?"
    ),
    ("params.yaml", "roc_auc: {min: 0.6}", "rocauc: {min: 0.6}"): (
        "params.yaml: evaluate.gate.rocauc: no such metric of this kind of model\n  Did you mean `roc_auc`?"
    ),
    # contract.yaml and CITATION.cff
    ("contract.yaml", "{name: model, type: string", "{name: model, tpye: string"): (
        "contract.yaml: resources.planes.schema.fields.model.tpye: no such key\n  Did you mean `type`?"
    ),
    ("contract.yaml", "{name: model, type: string", "{name: model, type: text"): (
        "contract.yaml: resources.planes.schema.fields.model.type: found `text`, no such choice\n"
        "  Did you mean `datetime`?"
    ),
    ("contract.yaml", "{name: model, type: string", "{name: model, hindsight: yes, type: string"): (
        "contract.yaml: resources.planes.schema.fields.model.hindsight: found 'yes', expected true or false"
    ),
    ("CITATION.cff", "keywords:", "keyword:"): "CITATION.cff: no such key: `keyword`\n  Did you mean `keywords`?",
    (
        "CITATION.cff",
        "cff-version: 1.2.0",
        "cff-version: 1.2",
    ): "CITATION.cff: cff-version: 1.2 is not of type 'string'",
}


@pytest.mark.parametrize(("name", "old", "new"), MISTAKES)
def test_check_names_the_mistake(files, name, old, new):
    replace(files, name, old, new)
    assert told(files, "check") == MISTAKES[name, old, new]


ALL_AT_ONCE = """\
CITATION.cff: no such key: `keyword`
  Did you mean `keywords`?
contract.yaml: planes.primaryKey: no column `tail`
  Did you mean `tailnum`?
params.yaml: access.flights.sha256: found `1`, expected 64 hexadecimal digits
  `python src/pin.py flights` writes it.
params.yaml: train.options.max_itre: no such option of HistGradientBoostingClassifier
  Did you mean `max_iter`?
params.yaml: clean.flights.arrived.rule: no rule `drop_mising`
  Did you mean `drop_missing`?
params.yaml: transform.features.plane_age: no such column `planes_yaer`
  Did you mean `planes_year`?
params.yaml: serve.inputs: no column `distanse` in data/features
  Did you mean `distance`?"""


def test_check_tells_all_mistakes_at_once(files):
    replace(
        files, "params.yaml", "sha256: 6ca0fe6e8ab6dfc3bce4f8175ce69443a47c7bdbd8b1c3a56cc46e2f60cb73ec", 'sha256: "1"'
    )
    replace(files, "params.yaml", "rule: drop_missing", "rule: drop_mising")
    replace(files, "params.yaml", "plane_age: year - planes_year", "plane_age: year - planes_yaer")
    replace(files, "params.yaml", "    - distance\n", "    - distanse\n")
    replace(files, "params.yaml", "    max_iter: 150", "    max_itre: 150")
    replace(files, "contract.yaml", "primaryKey: [tailnum]", "primaryKey: [tail]")
    replace(files, "CITATION.cff", "keywords:", "keyword:")
    assert told(files, "check", run_cold) == ALL_AT_ONCE


def test_a_file_that_is_not_there_is_named(files):
    for name in EDITED:
        (files / name).unlink()
    remedy = "It is looked for in project/; run from the project's root."
    assert told(files, "check", run_cold) == "\n".join(f"{name}: no such file\n  {remedy}" for name in EDITED)


def test_dvc_tells_the_words_of_check(project):
    before = locked(project)
    refused = run(project, "dvc", "exp", "run", "-S", "+clean.x=1")
    assert refused.returncode != 0
    assert "params.yaml: clean.x: found 1, expected keys with values\n" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert stages_run(refused.stdout) == ["check"]
    assert locked(project) == before


SOURCE = "data/source/flights.csv.gz"


def test_a_source_with_other_bytes_is_refused(project):
    (project / SOURCE).write_bytes((project / SOURCE).read_bytes() + b"\n")
    shutil.rmtree(project / "data" / "raw")
    ended = run_cold(project, "src/access.py")
    sha256, size = hashlib.sha256((project / SOURCE).read_bytes()).hexdigest(), (project / SOURCE).stat().st_size
    assert ended.stderr == (
        f"params.yaml: access.flights.sha256: {SOURCE} gives {size:,} bytes with another sha256, {sha256}\n"
        "  It has changed, or was changed on its way. If you trust it: python src/pin.py flights\n"
    )
    assert ended.returncode == 1
    assert not (project / "data" / "raw" / "flights").exists()


def test_a_source_that_is_not_there_is_named(project):
    (project / SOURCE).rename(project / "data" / "source" / "fligts.csv.gz")
    shutil.rmtree(project / "data" / "raw")
    ended = run_cold(project, "src/access.py")
    assert ended.stderr.startswith(
        f"params.yaml: access.flights.uri: no such file as {SOURCE}\n"
        "  Paths begin at the project's root. In data/source: Did you mean `fligts.csv.gz`?"
    )
    assert ended.returncode == 1
    assert not (project / "data" / "raw" / "flights").exists()


RAW_REMEDY = (
    "  A raw table's contract says how the data come (type, missingValues); "
    "bounds to keep belong to rules in params.yaml and to the table `ready`."
)
READY_REMEDY = "  Clean such rows by a rule in params.yaml, or change the bound in the table `ready`."
PERSONAL = "{name: manufacturer, type: string, personal: true, "
TO_PLANES = "- fields: [tailnum]\n          reference: {resource: planes, fields: [tailnum]}"
MODEL = """\
sklearn.ensemble.HistGradientBoostingClassifier # any classifier or regressor of scikit-learn
  options: # of that class
    max_iter: 20 # trees
    learning_rate: 0.06
    max_depth: 5
    l2_regularization: 1.0
"""


def lines(numbers: Iterable[int], words: str) -> str:
    return "".join(f"  row {number}, {words}\n" for number in numbers)


# What check cannot know: edits after `dvc repro`, the stages that run well then, the one that refuses, and its words.
LATER = {
    "a raw value of another type": (
        [("contract.yaml", "{name: engine, type: string", "{name: engine, type: boolean")],
        ["check"],
        "clean",
        "data/raw/planes/planes.csv: 3322 values break contract.yaml; the first 10:\n"
        + lines(range(1, 11), "engine: `Turbo-fan` is no boolean")
        + RAW_REMEDY,
    ),
    "a raw value out of bounds": (
        [
            (
                "contract.yaml",
                "{name: engines, type: integer",
                "{name: engines, constraints: {maximum: 3}, type: integer",
            )
        ],
        ["check"],
        "clean",
        "data/raw/planes/planes.csv: 4 values break contract.yaml:\n"
        + lines((604, 1038, 2110, 2707), "engines: `4` is over the maximum 3")
        + RAW_REMEDY,
    ),
    "a raw value that is personal": (
        [("contract.yaml", PERSONAL, PERSONAL + "constraints: {maxLength: 28}, ")],
        ["check"],
        "clean",
        "data/raw/planes/planes.csv: 117 values break contract.yaml; the first 10:\n"
        + lines((2905, 2909, 2913, 2918, 2924, 2925, 2930, 2931, 2937, 2938), "manufacturer: ••• is longer than 28")
        + RAW_REMEDY,
    ),
    "a primary key that repeats": (
        [("contract.yaml", "primaryKey: [origin, time_hour]", "primaryKey: [origin, month]")],
        ["check"],
        "clean",
        "contract.yaml: weather: the key (origin, month): repeats in 4230 rows after cleaning, "
        "such as: EWR, 1; EWR, 1; EWR, 1\n"
        "  Add a rule `drop_duplicates` to clean.weather in params.yaml, or choose another key.",
    ),
    "a right key that repeats": (
        [
            ("contract.yaml", TO_PLANES, TO_PLANES.replace("tailnum", "year")),
            ("params.yaml", "year - planes_year", "year - planes_seats"),
        ],
        ["check"],
        "transform",
        "contract.yaml: foreign key of `flights` to `planes`: (year) repeats in 3183 rows of data/clean/planes, "
        "such as: 1999; 1999; 1999\n"
        "  Join on a key that names one row, or add a rule `drop_duplicates` to clean.planes in params.yaml.",
    ),
    "a target that is missing": (
        [("params.yaml", "rule: drop_missing\n      column: arr_delay", "rule: drop_missing\n      column: year")],
        ["check", "clean", "transform"],
        "serve",
        "params.yaml: serve.target: `late` is missing in 94 of 2598 rows\n"
        "  Drop them by a rule in `clean` (drop_missing), so that the ledger tells of it.",
    ),
    "an input that a rule has dropped": (
        [("params.yaml", "    - planes_seats\n", "    - planes_seats\n    - planes_speed\n")],
        ["check"],
        "serve",
        "params.yaml: serve.inputs: no column `planes_speed` in data/features\n  Did you mean `planes_type`?",
    ),
    "a ready value out of bounds": (
        [("contract.yaml", "minimum: 1, maximum: 12000}}", "minimum: 1, maximum: 4970}}")],
        ["check"],
        "serve",
        "data/features: 4 values break contract.yaml:\n"
        + lines((450, 1000, 1543, 2469), "distance: `4983` is over the maximum 4970")
        + READY_REMEDY,
    ),
    "a ready value that is personal in the raw table": (
        [
            (
                "contract.yaml",
                "        - {name: planes_seats,",
                "        - {name: planes_manufacturer, constraints: {maxLength: 15}}\n        - {name: planes_seats,",
            ),
            ("params.yaml", "    - planes_seats\n", "    - planes_seats\n    - planes_manufacturer\n"),
        ],
        ["check"],
        "serve",
        "data/features: 86 values break contract.yaml; the first 10:\n"
        + lines((2, 9, 32, 51, 60, 155, 201, 219, 279, 306), "planes_manufacturer: ••• is longer than 15")
        + READY_REMEDY,
    ),
    "a model that takes no missing values": (
        [("params.yaml", MODEL, "sklearn.neighbors.KNeighborsClassifier\n")],
        ["check"],
        "train",
        "params.yaml: train: KNeighborsClassifier takes no missing values, and of 323 rows are missing: "
        "`plane_age` 65, `planes_seats` 59, `weather_pressure` 16\n"
        "  Set train.impute to mean or median in params.yaml, or fill them in clean.",
    ),
}


@pytest.mark.parametrize("mistake", LATER)
def test_a_stage_names_what_check_cannot_know(project, mistake):
    edits, before, name, words = LATER[mistake]
    for file, old, new in edits:
        replace(project, file, old, new)
    for stage in before:
        assert run_warm(project, f"src/{stage}.py").returncode == 0
    assert told(project, name, run_cold) == words
