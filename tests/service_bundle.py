"""A small bundle as `publish` writes it, and the service of it on a port of its own, for tests."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn
import yaml
from fastapi import FastAPI

import features
import service
from pipeline import modelling
from pipeline.derive import functions_of
from pipeline.matrix import to_matrix, to_target
from pipeline.modelfile import save_model
from pipeline.params import Train
from pipeline.service import server
from pipeline.service.bundle import Bundle, load_bundle

CONTRACT = """
name: visits
title: Visits to three shops
description: How busy a shop is.
version: 1.2.3
licenses: [{name: CC0-1.0}]
resources:
  - name: visits
    path: data/raw/visits/visits.csv
    schema:
      missingValues: ["", "NA"]
      primaryKey: [id]
      foreignKeys: [{fields: [shop], reference: {resource: shops, fields: [shop]}}]
      fields:
        - {name: id, type: integer}
        - {name: guest, personal: true}
        - {name: clock, title: Time of day, type: integer, unit: HHMM, description: By the wall clock; 517 is 5:17}
        - {name: shop, description: Which shop, constraints: {enum: [north, south, west]}}
        - {name: street, description: Where it is}
        - {name: wind, type: number, unit: m/s, description: Speed of the wind}
        - {name: since, type: string, description: "First day, as written", constraints: {pattern: "[0-9.]+"}}
        - {name: sale, type: boolean, description: Whether there was a sale, constraints: {required: true}}
        - {name: left, type: integer, hindsight: true, description: Guests that left}
  - name: shops
    path: data/raw/shops/shops.csv
    schema:
      primaryKey: [shop]
      fields:
        - {name: shop}
        - {name: area, type: number, unit: m2, description: Area, constraints: {required: true}}
  - name: ready
    path: data/ready
    schema:
      fieldsMatch: subset
      fields:
        - {name: busy, type: boolean, description: Ten guests or more}
        - {name: hour, type: integer, unit: h, constraints: {minimum: 6, maximum: 22}}
        - {name: wind, type: number, constraints: {minimum: 0, maximum: 60}}
"""
PARAMS: dict[str, Any] = {
    "clean": {"visits": {"days": {"rule": "parse_time", "column": ["since"], "formats": ["%d.%m.%Y"]}}},
    "transform": {
        "table": "visits",
        "joins": ["shops"],
        "features": {
            "hour": {"function": "hour_of", "column": "clock"},
            "month": {"function": "date_part", "column": "since", "part": "month"},
            "busy": "left >= 10",
        },
    },
    "serve": {
        "target": "busy",
        "inputs": ["hour", "shop", "street", "wind", "sale", "month", "shops_area"],
        "split": {"by": "key", "test_share": 0.25},
    },
    "publish": {"name": "visits-2026"},
}
BOOSTED = {
    "model": "sklearn.ensemble.HistGradientBoostingClassifier",
    "options": {"max_iter": 5, "min_samples_leaf": 2},
}
COLUMNS = ["clock", "shop", "street", "wind", "sale", "since", "shops_area"]


def ready() -> pd.DataFrame:
    """48 visits, busy in the afternoon and where there is a sale."""
    numbers = pd.RangeIndex(48)
    clock = 600 + 100 * (numbers % 16)
    frame = pd.DataFrame(
        {
            "id": pd.array(numbers, "Int64"),
            "hour": pd.array(clock // 100, "Int64"),
            "shop": pd.array([["north", "south", "west"][n % 3] for n in numbers], "str"),
            "street": pd.array([["Elm", "Oak", "Fir", "Ash"][n % 4] for n in numbers], "str"),
            "wind": [None if n % 11 == 0 else n % 13 + 0.5 for n in numbers],
            "sale": pd.array([n % 5 < 2 for n in numbers], "boolean"),
            "month": pd.array([n % 12 + 1 for n in numbers], "Int64"),
            "shops_area": [100.0 * (n % 3 + 1) for n in numbers],
            "clock": pd.array(clock, "Int64"),
            "since": pd.to_datetime([f"2025-{n % 12 + 1:02}-15" for n in numbers]).astype("datetime64[us]"),
            "part": pd.array(["test" if n % 4 == 3 else "train" for n in numbers], "str"),
        }
    )
    return frame.assign(busy=pd.array((frame["hour"] > 13) | frame["sale"], "boolean"))


def make_bundle(
    folder: Path,
    target: pd.Series | None = None,
    train: dict[str, Any] = BOOSTED,
    threshold: float | None = None,
    inputs: list[str] | None = None,
    contract: str = CONTRACT,
) -> Path:
    """Write a bundle with a model that has learned from `ready()`, whose target may be another."""
    table = ready() if target is None else ready().assign(busy=target)
    settings = {**PARAMS, "serve": PARAMS["serve"] | ({"inputs": inputs} if inputs else {})}
    learned = table[table["part"] == "train"]
    how = Train(**train)
    matrix = to_matrix(learned[settings["serve"]["inputs"]])
    known = to_target(learned["busy"], modelling.model_class(how.model))
    folder.mkdir(parents=True)
    save_model(modelling.fit(modelling.build(how, matrix, 1), matrix, known), folder / "model.skops")
    (folder / "contract.yaml").write_text(contract)
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    (folder / "train.json").write_text(json.dumps({"threshold": threshold}))
    table.to_parquet(folder / "visits-2026.parquet", index=False)
    table.to_csv(folder / "visits-2026.csv", index=False)
    (folder / "croissant.json").write_text('{"@type": "sc:Dataset"}\n')
    (folder / "report.html").write_text("<!doctype html><title>The report</title>\n")
    (folder / "README.md").write_text("# The data card\n")
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write SHA256SUMS anew."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def opened(folder: Path) -> Bundle:
    return load_bundle(folder, service.verified, functions_of(features))


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Run a service on a free port of loopback; yields its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = uvicorn.Server(server.configure(app, "127.0.0.1", 0))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    try:
        while not running.started and thread.is_alive():
            thread.join(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
