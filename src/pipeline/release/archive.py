"""One zip of a bundle: the same files give the same bytes, on every machine."""

import shutil
from pathlib import Path
from zipfile import ZipFile, ZipInfo

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip archive can hold


def write_zip(folder: Path, target: Path) -> None:
    """Pack the files of a folder, sorted, into one folder named as the archive.

    They are stored, not deflated: what zlib makes of the same bytes differs between its versions, and Parquet is
    compressed already.
    """
    with ZipFile(target, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = ZipInfo(f"{target.stem}/{path.relative_to(folder).as_posix()}", EARLIEST)
            info.create_system = 3  # Unix, wherever it is packed
            info.external_attr = 0o100644 << 16
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member, 1 << 20)
