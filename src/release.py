"""Release: give what is published a version, a tag and perhaps a DOI, and send it to S3 or an archive.

    python src/release.py 1.0.0                                  says what would be done, and what stands against it
    python src/release.py 1.0.0 --s3 s3://BUCKET/PREFIX          to S3, below PREFIX/1.0.0/
    python src/release.py 1.0.0 --zenodo                         to Zenodo's sandbox; its token: ZENODO_TOKEN
    python src/release.py 1.0.0 --zenodo https://zenodo.org      to Zenodo itself, for ever
    python src/release.py 1.0.0 --s3 … --zenodo … --confirm      does it

One that was interrupted goes on when it is called again. docs/release.md says more.
"""

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import verify
from pipeline import citation, contract, params, stage
from pipeline.errors import ProjectError, ProjectErrors
from pipeline.release import archive, datacite, s3, state, zenodo
from pipeline.release.state import BUNDLE

RELEASE = BUNDLE.with_name("release.json")  # beside the bundle; Git does not see it


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python src/release.py",
        description=__doc__.partition("\n\n")[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", metavar="VERSION", help="such as 1.0.0; the tag will be v1.0.0")
    parser.add_argument("--s3", metavar="s3://BUCKET/PREFIX", help="send the bundle there")
    parser.add_argument(
        "--zenodo",
        metavar="ADDRESS",
        nargs="?",
        const=zenodo.SANDBOX,
        help=f"reserve a DOI and publish there; without an address at {zenodo.SANDBOX}",
    )
    parser.add_argument("--confirm", action="store_true", help="do it; without this nothing is changed or sent")
    options = parser.parse_args()
    release(options.version, options.s3, options.zenodo, options.confirm)


def release(version: str, bucket: str | None, address: str | None, confirm: bool) -> None:
    """Release a version, or say what that would do.

    Raises:
        ProjectErrors: all that stands against it; nothing was changed or sent.
    """
    if not state.VERSION.fullmatch(version):
        raise ProjectError("VERSION", f"found `{version}`, expected one such as 1.0.0")
    tagged = state.is_tagged(version)
    errors = list(refusals(version, bucket, address, tagged))
    print("\n".join(plan(version, bucket, address, tagged)))
    if errors:
        raise ProjectErrors(errors)
    if not confirm:
        print("Nothing is done yet: --confirm does it.")
        return
    if not tagged:
        make(version, address)
    send(version, bucket, address)


def plan(version: str, bucket: str | None, address: str | None, tagged: bool) -> list[str]:
    """What a release does, a line each."""
    if tagged:
        lines = [f"The tag {state.tag_of(version)} is there: what is left is to send it."]
    else:
        doi = f", the DOI that {address} reserves" if address else ""
        lines = [
            f"Write to {citation.FILE}: version {version}, date-released {today()}{doi}",
            "Run `dvc repro`, verify the bundle, commit, tag: " + state.tag_of(version),
        ]
    lines += [f"Write {RELEASE}"]
    lines += [f"Send the bundle to {bucket.rstrip('/')}/{version}/"] if bucket else []
    lines += [f"Upload the bundle to {address} and publish it: that can't be taken back"] if address else []
    return lines


def refusals(version: str, bucket: str | None, address: str | None, tagged: bool) -> list[ProjectError]:
    """All that stands against a release, a line each."""
    errors: list[ProjectError] = []
    checks = [
        state.tree_problems,
        state.gate_problems,
        description_problems,
        lambda: state.version_problems(contract.load(), version),
        author_problems,
        bundle_problems,
        lambda: [] if tagged else state.tag_problems(version),
        lambda: target_problems(version, bucket, address, tagged),
    ]
    for check in checks:
        try:
            errors += check()
        except ProjectErrors as found:
            errors += found.errors
        except ProjectError as found:
            errors.append(found)
    return [ProjectError(one.where, "; ".join(filter(None, (one.problem, one.remedy)))) for one in errors]


def description_problems() -> list[ProjectError]:
    features = params.load("transform").features
    return list(state.description_problems(contract.load(), features, state.published_columns(BUNDLE)))


def author_problems() -> list[ProjectError]:
    return list(state.author_problems(citation.load()))


def bundle_problems() -> list[ProjectError]:
    """What verify finds in the bundle."""
    lines = [line.partition(": ") for line in verify.problems_of(BUNDLE)]
    return [ProjectError(f"{BUNDLE}/{name}", problem) for name, _, problem in lines]


def target_problems(version: str, bucket: str | None, address: str | None, tagged: bool) -> list[ProjectError]:
    """What is wrong with an address, its credentials, or is there already under this version."""
    if bucket:
        name, prefix = s3_place(bucket, version)
        present = s3.there(s3.connect(), name, prefix)
        if present and not tagged:
            where = f"s3://{name}/{prefix}/"
            raise ProjectError(where, f"{len(present)} objects are there already; a version is never overwritten")
    if address:
        zenodo.check_url(address)
        zenodo.token()
    return []


def s3_place(bucket: str, version: str) -> tuple[str, str]:
    name, prefix = s3.split(bucket)
    return name, "/".join(filter(None, (prefix, version)))


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def make(version: str, address: str | None) -> None:
    """Write the citation, run the pipeline, commit and tag."""
    values: dict[str, str | None] = {"version": version, "date-released": today(), "doi": None}
    if address:
        cited, package = citation.load(), contract.load()
        metadata = record_metadata({**cited, **values}, package, address)
        values["doi"] = zenodo.reserve(zenodo.connect(address), metadata, cited.get("doi"))
        print(f"Reserved: {values['doi']}")
    with state.undone_on_error():
        state.write_citation(citation.FILE, values)
        sys.stdout.flush()
        state.repro()
        if errors := [*state.gate_problems(), *bundle_problems()]:
            raise ProjectErrors(errors)
        lines = [f"Release {version}", "", f"Bundle: {verify.bundle_hash(BUNDLE)}"]
        lines += [f"DOI: {values['doi']}"] if values["doi"] else []
        state.commit_and_tag(version, "\n".join(lines))
    print(f"Committed and tagged: {state.tag_of(version)}")


def send(version: str, bucket: str | None, address: str | None) -> None:
    """Send the bundle of the tagged commit to the targets."""
    cited, package = citation.load(), contract.load()
    if str(cited.get("version")) != version:
        raise ProjectError(f"{citation.FILE}: version", f"found {cited.get('version')}, expected {version}")
    name = params.load("publish").name
    content = json.dumps(statement(version, name, cited), indent=2, ensure_ascii=False) + "\n"
    RELEASE.write_text(content, encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        beside = Path(folder, "datacite.json")
        described = datacite.describe(cited, package, archive_name(address))
        beside.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if bucket:
            place, prefix = s3_place(bucket, version)
            files = {f"bundle/{path.name}": path for path in sorted(BUNDLE.iterdir())}
            files |= {"datacite.json": beside, RELEASE.name: RELEASE}
            sent = s3.send(s3.connect(), place, prefix, files)
            print(f"s3://{place}/{prefix}/: {len(files)} objects, {sent} of them sent now; each has its sha256.")
        if address:
            if not cited.get("doi"):
                problem = f"{state.tag_of(version)} was made without a DOI"
                raise ProjectError(f"{citation.FILE}: doi", problem, "Release the next version with --zenodo.")
            packed = Path(folder, f"{name}-{version}.zip")
            archive.write_zip(BUNDLE, packed)
            files = {packed.name: packed, "SHA256SUMS": BUNDLE / "SHA256SUMS", beside.name: beside}
            files |= {RELEASE.name: RELEASE}
            if (BUNDLE / "README.md").exists():
                files["README.md"] = BUNDLE / "README.md"
            metadata = record_metadata(cited, package, address)
            print(f"Published: {zenodo.send(zenodo.connect(address), cited['doi'], metadata, files)}")
    print(f"The bundle's hash: {verify.bundle_hash(BUNDLE)}")
    print(f"Now: dvc push && git push origin HEAD {state.tag_of(version)}")


def statement(version: str, name: str, cited: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the bundle: whatever it can't hold itself, as its own hash or the commit that holds that."""
    content = {
        "name": name,
        "version": version,
        "revision": state.git("rev-parse", "HEAD"),
        "time": state.git("show", "--no-patch", "--format=%cI", "HEAD"),
        "dvc_lock": verify.file_hash(Path("dvc.lock")),
        "bundle": verify.bundle_hash(BUNDLE),
        "doi": cited.get("doi"),
        "repository": cited.get("repository-code"),
    }
    return {key: value for key, value in content.items() if value is not None}


def record_metadata(cited: Mapping[str, Any], package: contract.Contract, address: str) -> dict[str, Any]:
    return zenodo.record_metadata(datacite.describe(cited, package, archive_name(address)))


def archive_name(address: str | None) -> str | None:
    """What the archive is called as a publisher: Zenodo, or its host."""
    if address is None:
        return None
    return "Zenodo" if "zenodo.org" in address else address.rpartition("//")[2]


if __name__ == "__main__":
    stage.run(main)
