"""Sending a release to S3: an immutable prefix by version, each object with its sha256, release.json last."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore import exceptions
from botocore.config import Config
from tqdm import tqdm

from pipeline.errors import ProjectError

MOST_BYTES = 5 << 30  # of one request, says S3
TYPES = {  # Python's own list differs from machine to machine
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".parquet": "application/vnd.apache.parquet",
    ".pkl": "application/octet-stream",
    ".skops": "application/zip",
    ".yaml": "application/yaml",
    ".zip": "application/zip",
}
LINKED = {"croissant.json", "ro-crate-metadata.json"}
FOREVER = "public, max-age=31536000, immutable"


def split(uri: str) -> tuple[str, str]:
    """s3://BUCKET/PREFIX -> bucket, prefix without a slash at its ends.

    Raises:
        ProjectError: no such address.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or parts.query or parts.fragment:
        raise ProjectError("--s3", f"found `{uri}`, expected s3://BUCKET/PREFIX")
    return parts.netloc, parts.path.strip("/")


def connect() -> Any:
    """A client of the usual chain: AWS_PROFILE, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ~/.aws, …"""
    try:
        session = botocore.session.get_session()
        region = session.get_config_variable("region") or "us-east-1"
        return session.create_client(
            "s3", region_name=region, config=Config(retries={"mode": "standard", "max_attempts": 5})
        )
    except (exceptions.BotoCoreError, ValueError) as exc:
        raise ProjectError("--s3", str(exc)) from None


def there(client: Any, bucket: str, prefix: str) -> set[str]:
    """The keys below a prefix."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}
    except (exceptions.ClientError, exceptions.BotoCoreError, exceptions.HTTPClientError) as exc:
        raise _explained(f"s3://{bucket}/{prefix}/", exc) from None


def send(client: Any, bucket: str, prefix: str, files: Mapping[str, Path]) -> int:
    """Send files below a prefix, in their order, and skip those that are there already.

    An object is written only where none is, with the sha256 that the server has to find in it, and is asked for that
    sha256 afterwards. So an interrupted call can be made again, and two versions never mix.

    Args:
        files: key below the prefix -> file; the last one is what makes the release visible.

    Returns:
        How many were sent now.

    Raises:
        ProjectError: something else is there, or the server refuses or spoils an object.
    """
    wanted = {f"{prefix}/{name}": path for name, path in files.items()}
    present = there(client, bucket, prefix)
    foreign = sorted(present - wanted.keys())
    if foreign:
        raise ProjectError(f"s3://{bucket}/{foreign[0]}", "is not of this release; a version is never overwritten")
    total = sum(path.stat().st_size for path in wanted.values())
    sent = 0
    with tqdm(total=total, unit="B", unit_scale=True, desc=f"s3://{bucket}/{prefix}", disable=None) as bar:
        for key, path in wanted.items():
            if key not in present:
                sent += _put(client, bucket, key, path)
            _compare(client, bucket, key, path)
            bar.update(path.stat().st_size)
    return sent


def _put(client: Any, bucket: str, key: str, path: Path) -> int:
    """Write an object; 0 if another writer, or a try whose answer was lost, came first."""
    if path.stat().st_size > MOST_BYTES:
        raise ProjectError(str(path), "larger than the 5 GiB that S3 takes in one request")
    try:
        with path.open("rb") as body:
            client.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentLength=path.stat().st_size,
                ContentType=content_type(key),
                CacheControl=FOREVER,
                ChecksumSHA256=sha256(path),
                IfNoneMatch="*",
            )
    except exceptions.ClientError as exc:
        if exc.response["ResponseMetadata"].get("HTTPStatusCode") in (409, 412):
            return 0
        raise _explained(f"s3://{bucket}/{key}", exc) from None
    except (exceptions.BotoCoreError, exceptions.HTTPClientError) as exc:
        raise _explained(f"s3://{bucket}/{key}", exc) from None
    return 1


def _compare(client: Any, bucket: str, key: str, path: Path) -> None:
    """Refuse an object that is not the file."""
    where = f"s3://{bucket}/{key}"
    try:
        head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        found = head.get("ChecksumSHA256")
        if found is None and head["ContentLength"] == path.stat().st_size:  # a server that keeps none: read it back
            digest = hashlib.sha256()
            for block in client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
                digest.update(block)
            found = base64.b64encode(digest.digest()).decode()
    except (exceptions.ClientError, exceptions.BotoCoreError, exceptions.HTTPClientError) as exc:
        raise _explained(where, exc) from None
    if found != sha256(path):
        raise ProjectError(where, "holds something else; a version is never overwritten", "Release the next version.")


def sha256(path: Path) -> str:
    """The sha256 of a file as S3 writes it, in base64."""
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def content_type(key: str) -> str:
    name = key.rpartition("/")[2]
    return "application/ld+json" if name in LINKED else TYPES.get(Path(name).suffix, "text/plain; charset=utf-8")


REMEDIES = {
    "NoSuchBucket": "Look for a mistake in its name, and in AWS_ENDPOINT_URL.",
    "AccessDenied": "It takes s3:PutObject, s3:GetObject and s3:ListBucket.",
    "InvalidAccessKeyId": "Look at AWS_PROFILE or AWS_ACCESS_KEY_ID.",
    "SignatureDoesNotMatch": "The secret key does not fit the access key.",
    "BadDigest": "It was damaged on its way: run it again.",
    "SlowDown": "Run it again later; what was sent is kept.",
}


def _explained(where: str, exc: Exception) -> ProjectError:
    if isinstance(exc, exceptions.ClientError):
        error = exc.response.get("Error", {})
        code = error.get("Code", "")
        return ProjectError(where, f"S3 answers {code}: {error.get('Message', '')}", REMEDIES.get(code, ""))
    if isinstance(exc, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return ProjectError(where, "no credentials", "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    return ProjectError(where, f"{type(exc).__name__}: {exc}", "Run it again; what was sent is kept.")
