"""What the service adds to its model: beside the model in this process, and a bare FastAPI app with the same model.

    python benchmarks/service.py [ROUNDS [BUNDLE]]    3 rounds; data/published

A round asks them in turn 200 times for one row, and then 3 times for 10,000 rows, as JSON, so that what slows the
machine slows all of them. To connect is not counted. Start-up goes from the command to the first answer.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
from bare_inputs import to_inputs
from timing import table

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "src"))
SCRIPTS = {
    "the service": PROJECT / "src" / "service.py",
    "a bare FastAPI app": PROJECT / "benchmarks" / "bare_service.py",
}
INSIDE = "the model, in process"
ONE, MANY, ROWS = 200, 3, 10_000
Ask = Callable[[bytes], object]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else PROJECT / "data" / "published").resolve()
    inside, rows, inputs = model_in_process(folder)
    with started(SCRIPTS["the service"], folder) as service, started(SCRIPTS["a bare FastAPI app"], folder) as bare:
        servers = {"a bare FastAPI app": bare, "the service": service}
        asks: Mapping[str, Ask] = {INSIDE: inside} | {name: server.ask for name, server in servers.items()}
        bodies = {name: rows if name == "the service" else inputs for name in asks}
        one: dict[str, list[float]] = {name: [] for name in asks}
        many: dict[str, list[float]] = {name: [] for name in asks}
        single = {name: [json.dumps([row]).encode() for row in bodies[name][:ONE]] for name in asks}
        whole = {name: json.dumps((bodies[name] * ROWS)[:ROWS]).encode() for name in asks}
        for name in asks:  # once before, so that all of them are warm
            if name != INSIDE:
                servers[name].begin()
            asks[name](whole[name])
        for _ in range(rounds):
            for number in range(ONE):
                for name, ask in asks.items():
                    if name != INSIDE:
                        servers[name].begin()
                    one[name].append(seconds(ask, single[name][number]))
            for name in list(asks) * MANY:
                if name != INSIDE:
                    servers[name].begin()
                many[name].append(seconds(asks[name], whole[name]))
        memory = {name: server.memory() for name, server in servers.items()}
        start = {name: server.start for name, server in servers.items()}
    lines = []
    for name in asks:
        middle, late = statistics.median(one[name]), statistics.quantiles(one[name], n=100)[98]
        lines.append(
            [
                name,
                f"{1000 * middle:.1f}",
                f"{1000 * late:.1f}",
                f"{ROWS / statistics.median(many[name]):,.0f}",
                f"{start[name]:.1f}" if name in start else "",
                f"{memory[name] / 1e6:.0f}" if name in memory else "",
                f"{ratio(one[name], one[INSIDE]):.2f}",
                f"{ratio(many[name], many[INSIDE]):.2f}",
            ]
        )
    head = ["", "one row, p50, ms", "p99, ms", "rows a second", "start, s", "memory, MB", "one row / in process"]
    print(f"Bodies of {ROWS:,} rows; {rounds} rounds.\n")
    print(table([*head, "many rows / in process"], lines))


def model_in_process(folder: Path) -> tuple[Ask, list[dict], list[dict]]:
    """What scikit-learn takes by itself, and rows of the test part as the service and as the model reads them.

    JSON is read and written here, too, as all of them must.
    """
    import pandas as pd

    import features
    import service
    from pipeline.derive import functions_of
    from pipeline.service.bundle import load_bundle

    bundle = load_bundle(folder, service.verified, functions_of(features))
    published = pd.read_parquet(folder / f"{bundle.name}.parquet")
    test = published[published["part"] == "test"]
    asked, read = (
        json.loads(test[names].to_json(orient="records", date_format="iso", double_precision=15))
        for names in ([each.name for each in bundle.inputs], bundle.model_inputs)
    )

    says = bundle.model.predict if bundle.classes is None else bundle.model.predict_proba

    def ask(body: bytes) -> bytes:
        return json.dumps(says(to_inputs(json.loads(body))).tolist()).encode()

    return ask, asked, read


class Running:
    """A server that answers, the seconds until its first answer, and a connection to it."""

    def __init__(self, process: psutil.Popen, port: int, begun: float):
        self.process = process
        while True:
            try:
                self.connection = HTTPConnection("127.0.0.1", port)
                self.connection.request("GET", "/health")
                self.connection.getresponse().read()
                break
            except ConnectionError:
                if process.poll() is not None:
                    raise SystemExit("a server ended before it answered") from None
                time.sleep(0.02)
        self.start = time.perf_counter() - begun

    def begin(self) -> None:
        """Connect anew: a server closes a connection that was idle while others were asked."""
        self.connection.close()
        self.connection.connect()

    def ask(self, body: bytes) -> bytes:
        self.connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {content[:300].decode()}")
        return content

    def memory(self) -> int:
        """Bytes that are its own: resident, without what it shares."""
        return self.process.memory_full_info().uss


@contextmanager
def started(script: Path, folder: Path) -> Iterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    environment = {**os.environ, "PORT": str(port)}
    environment.pop("SERVICE_TOKEN", None)
    process = psutil.Popen(
        [sys.executable, str(script), str(folder)], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield Running(process, port, begun)
    finally:
        process.terminate()
        process.wait()


def ratio(times: list[float], others: list[float]) -> float:
    """How many times as long as the other it took: the median of the pairs that were measured one after the other."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))


def seconds(ask: Ask, body: bytes) -> float:
    begun = time.perf_counter()
    ask(body)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
