"""Rows of JSON as scikit-learn reads them, in as few lines as will do."""

import pandas as pd


def to_inputs(rows: list[dict]) -> pd.DataFrame:
    """Rows as scikit-learn reads them: numbers, and text as objects."""
    frame = pd.DataFrame(rows)
    text = [name for name in frame if pd.api.types.is_string_dtype(frame[name].dtype)]
    return frame.astype({name: object if name in text else "float64" for name in frame})
