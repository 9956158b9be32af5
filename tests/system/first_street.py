"""First Street's table of congressional districts, with made-up rows, in a public bucket of the S3 server for tests."""

import csv
import io
import json
import random

import yaml

from project import ROOT
from s3_server import S3Server

BUCKET = "first-street-climate-risk-statistics-for-noncommercial-use"
KEY = "v1.0/CongDist_level_risk_FEMA_FSF.csv"


def make_districts() -> list[dict[str, object]]:
    """Make up rows in ten districts of 40 states, the dirt in the first three."""
    draw = random.Random(2020)
    contract = yaml.safe_load((ROOT / "examples/flood/contract.yaml").read_text())
    columns = [field["name"] for field in contract["resources"][0]["schema"]["fields"]]
    rows = []
    for fips in (100 * state + district for state in range(1, 41) for district in range(1, 11)):
        properties = draw.randint(100_000, 400_000)
        fema = draw.uniform(0.01, 0.2)
        first_street = max(fema + draw.uniform(-0.05, 0.05) + 0.6 * (0.1 - fema) + 0.04, 0.01)
        counts = {
            "count_property": properties,
            "count_fema_sfha": int(properties * fema),
            "count_fs_risk_2020_100": int(properties * first_street),
        }
        rows.append(dict.fromkeys(columns, 1.5) | {"fips": fips, "name": f"District {fips}"} | counts)
    rows[0]["count_fema_sfha"] = ""
    rows[1]["count_property"] = 0
    rows[2]["count_fs_risk_2020_100"] = 10**6
    return rows


def serve(server: S3Server) -> bytes:
    """Put the table where First Street has it, for anyone to read; return its bytes."""
    text = io.StringIO()
    rows = make_districts()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files = server.files()
    if not files.exists(BUCKET):
        files.call_s3("create_bucket", Bucket=BUCKET)
    allowed = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
    statement = allowed | {"Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    files.call_s3("put_bucket_policy", Bucket=BUCKET, Policy=json.dumps(policy))
    files.pipe_file(f"{BUCKET}/{KEY}", text.getvalue().encode())
    return text.getvalue().encode()
