"""A FAIR self-check: which FsF metrics a landing page and its links fulfil, as a program outside would see them.

The metrics are those of FAIRsFAIR (https://doi.org/10.5281/zenodo.6461229), which F-UJI measures, as far as they can be
computed from a folder: FsF-A2-01M (metadata outlive the data) is a promise of whoever hosts it.
"""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

PERSISTENT = re.compile(r"https?://(doi\.org/10\.|hdl\.handle\.net/|w3id\.org/|purl\.org/|n2t\.net/ark:)")
CORE = ("name", "creator", "publisher", "datePublished", "description", "keywords")
SEMANTIC = {
    "http://www.w3.org/ns/prov#": "PROV-O",
    "http://mlcommons.org/croissant/": "Croissant",
    "http://purl.org/dc/terms/": "DCMI Terms",
}
OPEN_FORMATS = {"text/csv": "CSV", "application/vnd.apache.parquet": "Parquet"}
STANDARDS = {"ro-crate": "RO-Crate", "croissant": "Croissant", "datapackage": "Data Package"}


def assess(folder: Path) -> list[dict[str, Any]]:
    """Judge a bundle by its index.html and the files that it links.

    Returns:
        A metric each, in the order of the letters: principle (F1, …), metric (FsF-F1-01D, …), title, passed, evidence.
    """
    page = _Page()
    page.feed((folder / "index.html").read_text(encoding="utf-8"))
    data = json.loads(page.json_ld or "{}")
    links = page.links
    downloads = [entry for entry in data.get("distribution", []) if entry.get("contentUrl")]
    there = [entry for entry in downloads if (folder / entry["contentUrl"]).is_file()]
    described = [link for link in links if link.get("rel") == "describedby" and (folder / link["href"]).is_file()]
    identifier = next((link["href"] for link in links if link.get("rel") == "cite-as"), None)
    missing = [name for name in CORE if not data.get(name)]
    licences = [link["href"] for link in links if link.get("rel") == "license"]
    texts = [(folder / link["href"]).read_text(encoding="utf-8") for link in described]
    vocabularies = [name for uri, name in SEMANTIC.items() if uri in page.json_ld or any(uri in text for text in texts)]
    standards = [name for key, name in STANDARDS.items() if any(key in link.get("profile", "") for link in described)]
    formats = sorted({OPEN_FORMATS[e["encodingFormat"]] for e in there if e["encodingFormat"] in OPEN_FORMATS})
    derived = data.get("isBasedOn", [])
    steps = data.get("prov:wasGeneratedBy", [])
    sized = [entry for entry in there if str(entry.get("contentSize", "")).split(" ")[0].isdigit()]
    no_identifier = "No registered identifier yet; a release with a DOI gives one"

    def judge(metric: str, title: str, passed: Any, evidence: str) -> dict[str, Any]:
        principle = metric.removeprefix("FsF-").split("-")[0]
        return {"principle": principle, "metric": metric, "title": title, "passed": bool(passed), "evidence": evidence}

    return [
        judge("FsF-F1-01D", "The data have a globally unique identifier", identifier, identifier or no_identifier),
        judge(
            "FsF-F1-02D",
            "The data have a persistent identifier",
            identifier and PERSISTENT.match(identifier),
            identifier or no_identifier,
        ),
        judge(
            "FsF-F2-01M",
            "Core elements tell what this is",
            not missing,
            f"Lacks {', '.join(missing)}" if missing else f"Has {', '.join(CORE)}",
        ),
        judge(
            "FsF-F3-01M",
            "The metadata name the data that they describe",
            downloads and there == downloads,
            f"{len(there)} of {len(downloads)} files that they name are there",
        ),
        judge(
            "FsF-F4-01M",
            "The metadata can be found by programs",
            data.get("@type") == "Dataset" and described,
            f"schema.org in the page, and {len(described)} links of the kind describedby",
        ),
        judge(
            "FsF-A1-01M",
            "The metadata tell who may have the data",
            data.get("conditionsOfAccess") and "isAccessibleForFree" in data,
            data.get("conditionsOfAccess") or "They do not",
        ),
        judge(
            "FsF-A1-02M",
            "The metadata come by a standard protocol",
            described and not _strange(links),
            "Relative links, which work by HTTP(S) on any server and from a file",
        ),
        judge(
            "FsF-A1-03D",
            "The data come by a standard protocol",
            there and not _strange(downloads),
            "Relative links, which work by HTTP(S) on any server and from a file",
        ),
        judge(
            "FsF-I1-01M",
            "The metadata are in a formal language",
            data.get("@context"),
            "JSON-LD with its context inside the page",
        ),
        judge(
            "FsF-I2-01M",
            "The metadata use known vocabularies",
            vocabularies,
            f"{', '.join(vocabularies) or 'None'} beside schema.org",
        ),
        judge(
            "FsF-I3-01M",
            "The metadata link to what the data came from",
            derived,
            "; ".join(source["name"] for source in derived) or "No sources are named",
        ),
        judge(
            "FsF-R1-01MD",
            "The metadata tell the content",
            data.get("variableMeasured") and there and len(sized) == len(there),
            f"{len(data.get('variableMeasured', []))} columns; format and size of {len(sized)} files",
        ),
        judge("FsF-R1.1-01M", "The metadata tell the licence", licences, ", ".join(licences) or "No licence is stated"),
        judge(
            "FsF-R1.2-01M",
            "The metadata tell how the data were made",
            data.get("creator") and steps,
            f"{len(steps)} steps, each with inputs, outputs and parameters in RO-Crate",
        ),
        judge(
            "FsF-R1.3-01M",
            "The metadata follow a standard of the community",
            standards,
            ", ".join(standards) or "None that is known",
        ),
        judge(
            "FsF-R1.3-02D",
            "The data are in a format of the community",
            formats,
            ", ".join(formats) or "None that is known",
        ),
    ]


def _strange(entries: list[Mapping[str, Any]]) -> list[str]:
    """Addresses of another protocol than HTTP, or HTTPS."""
    addresses = [entry.get("contentUrl") or entry.get("href", "") for entry in entries]
    return [text for text in addresses if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) and not text.startswith("http")]


class _Page(HTMLParser):
    """The links and the JSON-LD of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []
        self.json_ld = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link":
            self.links.append(values)
        self._inside = tag == "script" and values.get("type") == "application/ld+json"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.json_ld += data if self._inside else ""
