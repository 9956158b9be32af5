"""Sources in S3 or what speaks like it: an object, one of its versions, or all objects below a prefix or of a pattern.

Credentials come from the usual chain (environment, ~/.aws, the machine's role) or a profile; where there are none, or
with `anon`, requests are unsigned, as public data allow.
"""

import errno
import glob
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError as BrokenAnswer
from botocore import exceptions
from fsspec.asyn import sync
from s3fs import S3FileSystem

from pipeline.errors import ProjectError
from pipeline.params import Source
from pipeline.sources.parts import Item, Part
from pipeline.sources.uris import VERSION, key

BLOCK = 16 << 20  # bytes of a request, which memory holds
ANSWERS = {  # what S3 says -> what that means, what to do
    "NoSuchBucket": ("no such bucket", "Look for a mistake in the bucket's name; an endpoint has buckets of its own."),
    "NoSuchKey": ("no such object", "Look for a mistake in the key; `/` at its end takes all objects below it."),
    "NoSuchVersion": ("no such version of the object", "Look up its versions in the console of the S3 provider."),
    "ExpiredToken": ("the credentials have expired", "Get new ones: aws sso login, or whatever gave you these."),
    "InvalidAccessKeyId": (
        "the access key is unknown there",
        "Use the right profile; anon: true reads public data unsigned.",
    ),
    "SignatureDoesNotMatch": (
        "the secret key does not fit the access key",
        "Look at your credentials: aws configure list.",
    ),
    "AccessDenied": (
        "access denied",
        "You need s3:GetObject, and s3:ListBucket for many; anon: true reads public data unsigned.",
    ),
    "SlowDown": ("the server is overloaded or down, also after more tries", "Run it again later."),
    "PreconditionFailed": ("the object has changed while it was read", "Run it again."),
    "PermanentRedirect": ("the bucket is in another region", "Set AWS_DEFAULT_REGION to it."),
}
SAME = {
    "404": "NoSuchKey",
    "403": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "TokenRefreshRequired": "ExpiredToken",
    "RequestExpired": "ExpiredToken",
    "InvalidToken": "ExpiredToken",
    "412": "PreconditionFailed",
    "301": "PermanentRedirect",
    "AuthorizationHeaderMalformed": "PermanentRedirect",
    "500": "SlowDown",
    "502": "SlowDown",
    "503": "SlowDown",
    "504": "SlowDown",
    "InternalError": "SlowDown",
    "ServiceUnavailable": "SlowDown",
}


def find(table: str, source: Source, shown: str, name: str | None) -> list[Item]:
    """List the objects of a source, with their ETags and sizes.

    Raises:
        ProjectError: no such bucket or object, no right to see it, or nobody there.
    """
    path, root = source.uri.partition("://")[2], ""
    with _explained(table):
        files = _connect(source)
        if name is not None:
            found = {name: _info(files, path)}
            if found[name]["type"] != "file":
                raise ProjectError(
                    key(table), "no such object, but there are some below it", "Write / behind it to take those."
                )
        elif glob.has_magic(path):
            root = path[: path.rindex("/", 0, glob.magic_check.search(path).start()) + 1]
            found = {info["name"].removeprefix(root): info for info in files.glob(path, detail=True).values()}
        else:
            root = path.rstrip("/") + "/"
            found = {info["name"].removeprefix(root): info for info in files.find(root, detail=True).values()}
    found = {name: info for name, info in found.items() if info["type"] == "file" and name and not name.endswith("/")}
    if not found:
        raise ProjectError(key(table), f"no object in {shown}", "Look for a mistake in it: dvc list-url s3://BUCKET.")
    return [
        Item(
            name=name,
            uri=f"{shown}: {name}" if root else shown,
            download=partial(_download, table, files, info),
            version=f"{info['ETag']} {info.get('VersionId') or ''}",
            size=info["size"],
        )
        for name, info in sorted(found.items())
    ]


def is_many(uri: str) -> bool:
    """Say whether a URI stands for many objects: a prefix, which ends with /, a whole bucket, or a pattern."""
    path = uri.partition("://")[2].partition(VERSION)[0]
    return path.endswith("/") or "/" not in path or glob.has_magic(path)


def _connect(source: Source) -> S3FileSystem:
    options: dict[str, Any] = {
        "endpoint_url": source.endpoint,
        "version_aware": VERSION in source.uri,
        "use_listings_cache": False,
        "skip_instance_cache": True,
        "config_kwargs": {"retries": {"mode": "standard", "max_attempts": 3}},  # of each of the five tries of s3fs
    }
    if source.profile is not None:
        options["profile"] = source.profile
    if not source.anon:
        files = S3FileSystem(**options)
        files.connect()
        if sync(files.loop, files.session.get_credentials) is not None:
            return files
    return S3FileSystem(anon=True, **options)


def _info(files: S3FileSystem, path: str) -> dict[str, Any]:
    """Ask for size and ETag; where that is refused, ask for a byte, since only then the answer tells the reason."""
    try:
        return files.info(path)
    except OSError as exc:
        if exc.errno == errno.EBUSY:
            raise
        bucket, name, version_id = files.split_path(path)
        version = {"VersionId": version_id} if version_id else {}
        files.call_s3("get_object", Bucket=bucket, Key=name, Range="bytes=0-0", **version)
        raise


def _download(table: str, files: S3FileSystem, info: dict[str, Any], part: Part) -> None:
    """Read block by block, each tried again where that helps (by s3fs), and each of the same bytes (by ETag)."""
    size = part.size()
    version_id = info.get("VersionId")
    part.note(etag=info["ETag"], version_id=version_id, validator=info["ETag"])
    with _explained(table), part.path.open("ab") as out:
        version = {"version_id": version_id} if files.version_aware else {}
        with files.open(info["name"], block_size=BLOCK, cache_type="none", size=info["size"], **version) as object:
            object.details = info  # known already: no request to ask for them …
            object.read_kw = {"IfMatch": info["ETag"]}  # … which would have set this
            object.seek(size)
            while block := object.read(BLOCK):
                out.write(block)
                part.advance(len(block))
    if part.size() != info["size"]:
        raise ProjectError(key(table), f"the object broke off after {part.size():,} bytes", "Run it again to go on.")


@contextmanager
def _explained(table: str) -> Iterator[None]:
    """Say in a line what an error of S3 means."""
    try:
        yield
    except (exceptions.ProfileNotFound, exceptions.PartialCredentialsError) as exc:
        raise ProjectError(
            key(table, "profile"), str(exc), "Look at ~/.aws/config: aws configure list-profiles."
        ) from None
    except exceptions.EndpointConnectionError as exc:
        remedy = (
            "Look for a mistake in the endpoint (params.yaml, AWS_ENDPOINT_URL), and whether this machine is online."
        )
        raise ProjectError(key(table), f"no server at {urlsplit(exc.kwargs['endpoint_url']).netloc}", remedy) from None
    except exceptions.ParamValidationError:
        raise ProjectError(key(table), "no bucket can have this name", "s3://BUCKET/KEY") from None
    except (exceptions.SSOError, exceptions.CredentialRetrievalError, exceptions.TokenRetrievalError):
        raise ProjectError(key(table), *ANSWERS["ExpiredToken"]) from None
    except (exceptions.HTTPClientError, exceptions.BotoCoreError, BrokenAnswer) as exc:
        raise ProjectError(
            key(table), f"the connection broke: {type(exc).__name__}", "Run it again to go on."
        ) from None
    except (OSError, exceptions.ClientError) as exc:  # s3fs makes OSError of most
        answer: BaseException | None = exc
        while answer is not None and not isinstance(answer, exceptions.ClientError):
            answer = answer.__cause__
        if answer is not None:
            code = answer.response["Error"].get("Code", "")
        elif isinstance(exc, FileNotFoundError):
            code = "NoSuchKey"
        elif isinstance(exc, PermissionError):
            code = "AccessDenied"
        else:
            raise
        code = SAME.get(code, code)
        problem, remedy = ANSWERS.get(
            code, (f"S3 answers {code}: {exc}", "Look at it with another tool: dvc list-url s3://BUCKET.")
        )
        raise ProjectError(key(table), problem, remedy) from None
