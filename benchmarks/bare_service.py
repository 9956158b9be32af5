"""The least that serves a model: FastAPI and no check of anything; benchmarks/service.py compares with it."""

import os
import sys
from pathlib import Path

import uvicorn
from bare_inputs import to_inputs
from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from pipeline.modelfile import load_model

app = FastAPI()
model = load_model(Path(sys.argv[1]) / "model.skops")


@app.get("/health")
def health() -> str:
    return "ok"


@app.post("/predict")
def predict(rows: list[dict]) -> list:
    says = getattr(model, "predict_proba", model.predict)
    return says(to_inputs(rows)).tolist()


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
