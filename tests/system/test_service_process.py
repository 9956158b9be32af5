"""The service as `make service` starts it: a process of its own, on the bundle of a whole project."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import requests

from pipeline.service.routes import make_app
from project import ROOT, copy_again, environment, made_once, must_run, run
from service_bundle import make_bundle, opened, serving
from test_examples import reproduce_colony

pytestmark = pytest.mark.long
PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
CHECKS += "response_schema_conformance,negative_data_rejection,unsupported_method"


@contextmanager
def started(project: Path, *bundle: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Start the service of a project, or with its code that of another bundle; yields its address and process."""
    process = subprocess.Popen(
        [sys.executable, "src/service.py", *bundle],
        cwd=project,
        env=environment(project, PORT="0", **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready = re.match(r"(http://127\.0\.0\.1:[0-9]+)/ is ready; Ctrl-C ends it\.\n", process.stdout.readline())
        assert ready, process.communicate()
        yield ready[1], process
    finally:
        process.kill()
        process.communicate()


def compare(address: str, bundle: Path) -> int:
    """Ask for every row of the test part, and compare with the bundle's predictions; returns their number."""
    name = json.loads((bundle / "datapackage.json").read_text())["name"]
    schema = requests.get(f"{address}/schema").json()
    published, expected = (pd.read_parquet(bundle / f"{each}.parquet") for each in (name, "predictions"))
    rows = published[published["part"] == "test"].reset_index(drop=True)[list(schema["properties"])]
    added = ["predicted", *(column for column in expected if column.startswith("probability_"))]
    target = io.BytesIO()
    rows.to_parquet(target, index=False)
    files = {
        "application/vnd.apache.parquet": (target.getvalue(), pd.read_parquet),
        "text/csv": (rows.to_csv(index=False).encode(), pd.read_csv),
    }
    for kind, (content, read) in files.items():
        answer = requests.post(f"{address}/predict", data=content, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        pd.testing.assert_frame_equal(
            read(io.BytesIO(answer.content))[added], expected[added], check_exact=True, check_dtype=False
        )
    lines = json.loads(rows.to_json(orient="records", date_format="iso", double_precision=15))
    answer = requests.post(f"{address}/predict", json=lines).json()["predictions"]
    values = [prediction["predicted"] for prediction in answer]
    if len(added) == 1:
        assert values == pytest.approx(expected["predicted"].tolist(), rel=1e-12)
    else:
        assert values == expected["predicted"].tolist()
        last = added[-1].removeprefix("probability_")
        said = [prediction["probabilities"][last] for prediction in answer]
        assert said == pytest.approx(expected[added[-1]].tolist(), abs=1e-12)
    return len(rows)


def test_every_row_of_the_test_part_gets_its_published_prediction(reproduced):
    with started(reproduced) as (address, _):
        assert compare(address, reproduced / "data/published") > 10_000


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "colony", reproduce_colony)


def test_a_regression_gets_its_published_predictions_too(colony):
    with started(colony) as (address, _):
        assert compare(address, colony / "data/published") > 20
        assert "1/d" in requests.get(address).text


def test_a_drafted_project_is_served(tmp_path, untouched):
    project = copy_again(untouched, tmp_path / "project")
    source = ROOT / "examples/colony/data/source/experiments.csv"
    for name in ("params.yaml", "contract.yaml"):
        (project / name).unlink()
    must_run(project, sys.executable, "src/draft.py", source, "--target", "temperature_c")
    must_run(project, "dvc", "repro")
    with started(project) as (address, _):
        assert compare(address, project / "data/published") > 0


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle", threshold=0.3)


def test_a_tampered_bundle_is_refused_in_words(bundle):
    path = bundle / "visits-2026.csv"
    with path.open("a") as file:
        file.write("\n")
    ended = run(ROOT, sys.executable, "src/service.py", bundle, PORT="0")
    assert ended.returncode == 1
    assert path.name in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_sigterm_finishes_what_has_begun_and_begins_nothing_more(bundle):
    with started(ROOT, bundle) as (address, process):
        row = requests.get(f"{address}/schema").json()["examples"][0]
        body = json.dumps([row] * 20_000).encode()
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=120) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # it waits for the body
            process.send_signal(signal.SIGTERM)
            while True:
                try:
                    socket.create_connection((host, int(port)), timeout=10).close()
                except OSError:
                    break
            connection.sendall(body)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(content)["predictions"]) == 20_000
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


def test_ctrl_c_ends_it_without_a_traceback(bundle):
    with started(ROOT, bundle) as (_, process):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (130, 0)  # 0 where the shell had it ignore the signal
        assert "Traceback" not in process.stderr.read()


def test_sixty_four_clients_lose_no_request_in_a_minute(bundle):
    with started(ROOT, bundle) as (address, process):
        row = requests.get(f"{address}/schema").json()["examples"][0]
        expected = requests.post(f"{address}/predict", json=row).json()
        ended = subprocess.run(
            [sys.executable, Path(__file__).with_name("load.py"), address, "64", "60"],
            input=f"{json.dumps(row)}\n{json.dumps(expected)}\n",
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        print(told)
        assert told["right"] == told["sent"]
        assert told["fewest"] > 0
        process.send_signal(signal.SIGTERM)
        assert process.communicate()[1] == ""


def test_schemathesis_finds_no_failure_and_no_breach_of_the_schema_in_ten_thousand_cases(bundle, tmp_path):
    app = make_app(opened(bundle))
    command = ["schemathesis", "--no-color", "run", "--max-examples", "5000", "--workers", "2", "--checks", CHECKS]
    command += ["--seed", "1", "--generation-database", "none", "--no-shrink"]
    with serving(app) as address:
        ended = subprocess.run(
            [Path(sys.executable).with_name(command[0]), *command[1:], f"{address}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3600,
        )
    assert ended.returncode == 0, ended.stdout
    cases = int(re.search(r"Test cases:\s+([0-9,]+) generated", ended.stdout)[1].replace(",", ""))
    assert cases >= 10_000
