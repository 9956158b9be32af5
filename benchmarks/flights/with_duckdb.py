"""What clean, transform and serve do to the scale benchmark's tables, written by hand in SQL for DuckDB.

    python benchmarks/flights/with_duckdb.py [any-order]    in a folder with data/raw

The same checks, and the same tables on disk after each stage: zstd Parquet with row groups as long as our parts. Only
the rows that balance the classes are drawn by another hash. A join leaves rows in any order, so they are sorted after
it; `any-order` saves that.
"""

import json
import math
import sys
from pathlib import Path

import duckdb

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 250000"
SEED, TEST_SHARE = 20130101, 0.25
IN_ORDER = "" if "any-order" in sys.argv else "ORDER BY row"
READY = """
    time_hour, carrier, flight, dep_hour, origin, dest, distance, plane_age, planes_seats, weather_temp,
    weather_wind_speed, weather_precip, weather_visib, weather_pressure, sched_dep_time, year, planes_year, late
"""


def main() -> None:
    database = duckdb.connect()
    reports = {"ledger": clean(database), "transform": transform(database), "serve": serve(database)}
    Path("metrics").mkdir(exist_ok=True)
    for name, report in reports.items():
        Path(f"metrics/{name}.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def clean(database: duckdb.DuckDBPyConnection) -> dict:
    database.execute("""
        CREATE VIEW raw AS
        SELECT *, file_index * 10_000_000_000 + file_row_number AS row
        FROM read_parquet('data/raw/flights/*.parquet', filename = true, file_row_number = true)
    """)
    refuse(database, "raw", "origin NOT IN ('EWR', 'JFK', 'LGA')")
    shares = [0.0005, 0.9995]
    dep, arr = one(database, f"SELECT quantile_cont(dep_delay, {shares}), quantile_cont(arr_delay, {shares}) FROM raw")
    database.execute("""
        CREATE TEMP TABLE repeated AS
        SELECT time_hour, carrier, flight, min(row) AS first FROM raw GROUP BY ALL HAVING count(*) > 1
    """)
    rules = {
        "arrived": "arr_delay IS NULL",
        "one_row_a_flight": "coalesce(row > first, false)",
        "usual_delay": f"""
            coalesce(dep_delay NOT BETWEEN {dep[0]} AND {dep[1]}, false)
            OR coalesce(arr_delay NOT BETWEEN {arr[0]} AND {arr[1]}, false)
        """,
    }
    judged = f"""
        SELECT raw.*, {", ".join(f"{broken} AS {name}" for name, broken in rules.items())}
        FROM raw LEFT JOIN repeated USING (time_hour, carrier, flight)
    """
    gone, added = " OR ".join(rules), ", ".join([*rules, "filename", "file_row_number", "row"])
    names = ", ".join(f"CASE WHEN {name} THEN '{name}' END" for name in rules)
    save(database, f"SELECT * EXCLUDE ({added}) FROM ({judged}) WHERE NOT ({gone}) {IN_ORDER}", "clean/flights")
    save(
        database,
        f"""
        SELECT * EXCLUDE ({added}), concat_ws(', ', {names}) AS broken_rules,
            parse_filename(filename) AS source_file, file_row_number + 1 AS source_row
        FROM ({judged}) WHERE {gone} {IN_ORDER}
        """,
        "rejected/flights",
    )
    database.execute("""
        CREATE VIEW flights AS
        SELECT * RENAME (file_row_number AS row)
        FROM read_parquet('data/clean/flights/*.parquet', file_row_number = true)
    """)
    refuse(database, "flights", "time_hour IS NULL OR carrier IS NULL OR flight IS NULL")
    counts = {name: one(database, f"SELECT count(*) FROM {name}")[0] for name in ("raw", "flights")}
    counts |= {"rejected": one(database, "SELECT count(*) FROM 'data/rejected/flights/*.parquet'")[0]}
    if counts["flights"] + counts["rejected"] != counts["raw"]:
        raise SystemExit(f"rows were lost: {counts}")
    broken = ", ".join(f"count(*) FILTER (broken_rules LIKE '%{name}%')" for name in rules)
    hits = one(database, f"SELECT {broken} FROM 'data/rejected/flights/*.parquet'")
    bounds = {"dep_delay": dep, "arr_delay": arr}
    usual_delay = {"statistics": {name: {"min": low, "max": high} for name, (low, high) in bounds.items()}}
    ledger = {"flights": entry(counts["raw"], counts["rejected"], dict(zip(rules, hits, strict=True)))}
    ledger["flights"]["rules"]["usual_delay"] |= usual_delay

    impossible = "wind_speed NOT BETWEEN 0 AND 231"
    possible = f"CASE WHEN {impossible} THEN NULL ELSE wind_speed END AS wind_speed"
    for name, columns in {"weather": f"* REPLACE ({possible})", "planes": "*"}.items():
        save(database, f"SELECT {columns} FROM 'data/raw/{name}/*.parquet'", f"clean/{name}")
        database.execute(f"CREATE TEMP TABLE {name} AS FROM 'data/clean/{name}/*.parquet'")
        ledger[name] = entry(one(database, f"SELECT count(*) FROM {name}")[0], 0, {})
    (blanked,) = one(database, f"SELECT count(*) FROM 'data/raw/weather/*.parquet' WHERE {impossible}")
    ledger["weather"]["rules"]["possible_wind"] = {"cells_changed": blanked}
    return ledger


def transform(database: duckdb.DuckDBPyConnection) -> dict:
    columns = []
    for name, key in {"weather": ["origin", "time_hour"], "planes": ["tailnum"]}.items():
        refuse(database, f"(SELECT count(*) AS rows FROM {name} GROUP BY {', '.join(key)})", "rows > 1")
        names = [column for column, *_ in database.execute(f"DESCRIBE {name}").fetchall() if column not in key]
        columns += [f"{name}.{column} AS {name}_{column}" for column in names]
    save(
        database,
        f"""
        SELECT flights.* EXCLUDE (row), {", ".join(columns)}, arr_delay >= 15 AS late,
            sched_dep_time // 100 % 24 AS dep_hour, flights.year - planes.year AS plane_age
        FROM flights
        LEFT JOIN weather ON flights.origin = weather.origin AND flights.time_hour = weather.time_hour
        LEFT JOIN planes ON flights.tailnum = planes.tailnum
        {IN_ORDER}
        """,
        "features",
    )
    database.execute("CREATE VIEW features AS FROM 'data/features/*.parquet'")
    rows, *unmatched = one(
        database, "SELECT count(*), count(*) - count(weather_year), count(*) - count(planes_engine) FROM features"
    )
    return {"rows": rows, "unmatched_rows": dict(zip(("weather", "planes"), unmatched, strict=True))}


def serve(database: duckdb.DuckDBPyConnection) -> dict:
    refuse(database, "features", "late IS NULL OR dep_hour NOT BETWEEN 0 AND 23")
    refuse(database, "features", "distance IS NULL OR distance NOT BETWEEN 1 AND 12000")
    refuse(database, "features", "weather_wind_speed NOT BETWEEN 0 AND 250")
    (rows,) = one(database, "SELECT count(*) FROM features")
    share = (math.ceil(rows * (1 - TEST_SHARE)) + 0.5) / rows
    (cut,) = one(database, f"SELECT quantile_disc(time_hour, {share}) FROM features")
    database.execute(f"CREATE VIEW train AS FROM features WHERE time_hour < '{cut}'")
    classes = database.execute("SELECT late, count(*) FROM train GROUP BY late ORDER BY count(*)").fetchall()
    (rare, fewest), (frequent, most) = classes
    drawn = f"hash(time_hour, carrier, flight, {SEED})"
    quantile = f"quantile_disc({drawn}, {(fewest - 0.5) / most})"
    (limit,) = one(database, f"SELECT {quantile} FROM train WHERE late = {frequent}")
    save(database, f"SELECT {READY} FROM train WHERE late = {rare} OR {drawn} <= {limit}", "ready/train")
    save(database, f"SELECT {READY} FROM features WHERE time_hour >= '{cut}'", "ready/test")
    report = {}
    for side in ("train", "test"):
        counts = database.execute(f"SELECT late, count(*) FROM 'data/ready/{side}/*.parquet' GROUP BY late").fetchall()
        report[f"{side}_rows"] = sum(count for _, count in counts)
        report[f"{side}_classes"] = {str(late): count for late, count in counts}
    return report


def save(database: duckdb.DuckDBPyConnection, query: str, folder: str) -> None:
    Path("data", folder).mkdir(parents=True)
    database.execute(f"COPY ({query}) TO 'data/{folder}/part-00000.parquet' ({PARQUET})")


def one(database: duckdb.DuckDBPyConnection, query: str) -> tuple:
    return database.execute(query).fetchone()


def refuse(database: duckdb.DuckDBPyConnection, table: str, broken: str) -> None:
    (count,) = one(database, f"SELECT count(*) FROM {table} WHERE {broken}")
    if count:
        raise SystemExit(f"{table}: {count} rows: {broken}")


def entry(rows: int, rejected: int, hits: dict[str, int]) -> dict:
    rules = {name: {"rows_hit": count} for name, count in hits.items()}
    return {"rows_in": rows, "rows_kept": rows - rejected, "rows_rejected": rejected, "rules": rules}


if __name__ == "__main__":
    main()
