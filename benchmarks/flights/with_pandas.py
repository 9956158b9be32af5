"""What clean, transform and serve do to the scale benchmark's tables, as a plain pandas script would: all in memory.

    python benchmarks/flights/with_pandas.py    in a folder with data/raw

The same checks, the same tables on disk after each stage, in the same order of rows. Only the rows that balance the
classes are drawn by another generator.
"""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

SEED, TEST_SHARE = 20130101, 0.25
KEY = ["time_hour", "carrier", "flight"]
READY = [
    *KEY, "dep_hour", "origin", "dest", "distance", "plane_age", "planes_seats", "weather_temp", "weather_wind_speed",
    "weather_precip", "weather_visib", "weather_pressure", "sched_dep_time", "year", "planes_year", "late",
]  # fmt: skip


def main() -> None:
    flights, ledger = clean_flights(read_raw("flights"))
    weather, possible_wind = clean_weather(read_raw("weather"))
    planes = read_raw("planes")
    ledger |= {
        "weather": entry(len(weather), 0, {"possible_wind": {"cells_changed": possible_wind}}),
        "planes": entry(len(planes), 0, {}),
    }
    for name, table in {"flights": flights, "weather": weather, "planes": planes}.items():
        save(table, f"data/clean/{name}")
    report("ledger", ledger)
    table = transform(flights, weather, planes)
    del flights
    serve(table)


def read_raw(name: str) -> pd.DataFrame:
    """Read all files of a table; the index says from which file and row of it a row comes."""
    files = {file.name: pd.read_parquet(file) for file in sorted(Path("data/raw", name).glob("*.parquet"))}
    return pd.concat(files, names=["source_file", "source_row"])


def save(table: pd.DataFrame, folder: str) -> None:
    Path(folder).mkdir(parents=True)
    table.to_parquet(f"{folder}/part-00000.parquet", compression="zstd", index=False)


def report(name: str, content: dict) -> None:
    Path("metrics").mkdir(exist_ok=True)
    Path(f"metrics/{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def clean_flights(flights: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    refuse(~flights["origin"].isin(["EWR", "JFK", "LGA"]), "origin is no airport of New York")
    bounds = flights[["dep_delay", "arr_delay"]].quantile([0.0005, 0.9995])
    low, high = bounds.iloc[0], bounds.iloc[1]
    delays = flights[["dep_delay", "arr_delay"]]
    broken = {
        "arrived": flights["arr_delay"].isna(),
        "one_row_a_flight": flights.duplicated(KEY),
        "usual_delay": ((delays < low) | (delays > high)).any(axis=1),
    }
    gone = np.logical_or.reduce(list(broken.values()))
    kept, rejected = flights[~gone], flights[gone].copy()
    names = pd.Series("", index=rejected.index)
    for name, mask in broken.items():
        names = names.where(~mask[gone], names + ", " + name)
    rejected["broken_rules"] = names.str.removeprefix(", ")
    rejected = rejected.reset_index()
    rejected["source_row"] += 1
    save(rejected, "data/rejected/flights")
    refuse(kept[KEY].isna().any(axis=1), "the key is missing")
    if len(kept) + len(rejected) != len(flights):
        raise SystemExit("rows were lost")
    rules = {name: {"rows_hit": int(mask.sum())} for name, mask in broken.items()}
    rules["usual_delay"]["statistics"] = {name: {"min": float(low[name]), "max": float(high[name])} for name in bounds}
    return kept, {"flights": entry(len(flights), len(rejected), rules)}


def entry(rows: int, rejected: int, rules: dict) -> dict:
    return {"rows_in": rows, "rows_kept": rows - rejected, "rows_rejected": rejected, "rules": rules}


def clean_weather(weather: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    impossible = ~weather["wind_speed"].between(0, 231) & weather["wind_speed"].notna()
    weather["wind_speed"] = weather["wind_speed"].mask(impossible)
    return weather, int(impossible.sum())


def transform(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    weather = weather.rename(columns=lambda name: name if name in ("origin", "time_hour") else f"weather_{name}")
    planes = planes.rename(columns=lambda name: name if name == "tailnum" else f"planes_{name}")
    table = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    table = table.merge(planes, on="tailnum", how="left", validate="many_to_one")
    table["late"] = table["arr_delay"] >= 15
    table["dep_hour"] = table["sched_dep_time"] // 100 % 24
    table["plane_age"] = table["year"] - table["planes_year"]
    save(table, "data/features")
    unmatched = {"weather": table["weather_year"].isna().sum(), "planes": table["planes_engine"].isna().sum()}
    report("transform", {"rows": len(table), "unmatched_rows": {name: int(count) for name, count in unmatched.items()}})
    return table


def serve(table: pd.DataFrame) -> None:
    table = table[READY]
    refuse(table["late"].isna(), "late is missing")
    refuse(~table["dep_hour"].between(0, 23) & table["dep_hour"].notna(), "no hour")
    refuse(~table["distance"].between(1, 12000), "no distance")
    refuse(~table["weather_wind_speed"].between(0, 250) & table["weather_wind_speed"].notna(), "no wind")
    cut = table["time_hour"].sort_values().iloc[math.ceil(len(table) * (1 - TEST_SHARE))]
    train, test = table[table["time_hour"] < cut], table[table["time_hour"] >= cut]
    fewest = train["late"].value_counts().min()
    train = train.groupby("late").sample(fewest, random_state=SEED).sort_index()
    save(train, "data/ready/train")
    save(test, "data/ready/test")
    counts = {}
    for side, rows in {"train": train, "test": test}.items():
        counts[f"{side}_rows"] = len(rows)
        counts[f"{side}_classes"] = {str(late): int(count) for late, count in rows["late"].value_counts().items()}
    report("serve", counts)


def refuse(broken: pd.Series, problem: str) -> None:
    if broken.any():
        raise SystemExit(f"{broken.sum()} rows: {problem}")


if __name__ == "__main__":
    main()
