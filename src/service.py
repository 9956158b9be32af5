"""Service: the published model and data as a web service, with a page (`make service`; docs/service.md).

    python src/service.py [BUNDLE]      data/published, where no other is named

PORT (8000) and HOST (127.0.0.1) in the environment say where it listens; with SERVICE_TOKEN a caller has to know it.
"""

import argparse
import os
import sys
from pathlib import Path

import features as feature_functions
import verify
from pipeline import stage
from pipeline.derive import functions_of
from pipeline.errors import ProjectError, ProjectErrors

BUNDLE = Path("data/published")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python src/service.py", description=__doc__.splitlines()[0])
    parser.add_argument("bundle", metavar="BUNDLE", nargs="?", type=Path, default=BUNDLE, help="a published folder")
    folder = parser.parse_args().bundle
    host, port, token = os.environ.get("HOST", "127.0.0.1"), read_port(), os.environ.get("SERVICE_TOKEN") or None
    try:
        from pipeline.service import routes, server
        from pipeline.service.bundle import load_bundle
    except ModuleNotFoundError as exc:
        remedy = "`make service` installs what it needs: requirements-extras.txt."
        raise ProjectError("src/service.py", f"the package {exc.name} is not installed", remedy) from None
    app = routes.make_app(load_bundle(folder, verified, functions_of(feature_functions)), token)
    if host not in LOOPBACK and token is None:
        print(f"HOST={host}: everybody who reaches this machine may ask; SERVICE_TOKEN is not set.", file=sys.stderr)
    server.run(app, host, port)


def read_port() -> int:
    text = os.environ.get("PORT", "8000")
    if not (text.isdecimal() and int(text) < 2**16):
        raise ProjectError("PORT", f"found `{text}`, expected a number up to 65535")
    return int(text)


def verified(folder: Path) -> dict[str, str]:
    """Refuse a bundle of which any byte is not as it was published; return the sha256 of each file.

    Raises:
        ProjectErrors: every file that is missing, changed or not listed.
    """
    if not folder.is_dir():
        raise ProjectError(str(folder), "no such folder", "`dvc repro` makes it, `dvc pull` brings it.")
    problems = list(verify.attempt(lambda bundle: verify.hash_problems(bundle, None), folder))
    if problems:
        remedy = "Get the bundle again, or make it: `dvc repro publish`."
        errors = [problem.partition(": ") for problem in problems]
        raise ProjectErrors(ProjectError(str(folder / name), problem, remedy) for name, _, problem in errors)
    return verify.listed_hashes(folder)


if __name__ == "__main__":
    stage.run(main)
