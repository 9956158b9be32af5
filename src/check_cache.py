"""Check the cache: hash every object in DVC's cache again, and name those that are damaged, which DVC never notices.

python src/check_cache.py             names them, and which outputs they belong to
python src/check_cache.py --delete    and deletes them; then `dvc pull` brings them back from the bucket
"""

import argparse
import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from pipeline import stage
from pipeline.errors import ProjectError, ProjectErrors

OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python src/check_cache.py", description=__doc__.splitlines()[0])
    parser.add_argument("--delete", action="store_true", help="delete the damaged objects")
    delete = parser.parse_args().delete
    try:
        repo = Repo()
    except DvcException as exc:
        raise ProjectError(".dvc", f"DVC cannot read the project: {exc}") from None
    cache = Path(repo.cache.local.path)
    objects = sorted(path for path in cache.glob("??/*") if OBJECT.fullmatch(path.relative_to(cache).as_posix()))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        damaged = [path for path, good in zip(objects, threads.map(is_whole, objects), strict=True) if not good]
    if not damaged:
        print(f"All {len(objects)} objects of {cache} are whole.")
        return
    users = users_of_objects(repo)
    if delete:
        for path in damaged:
            path.unlink()
    remedy = (
        "It is deleted now; `dvc pull` brings it back from the bucket, or `dvc repro -f` makes it anew."
        if delete
        else "python src/check_cache.py --delete, then dvc pull (or dvc repro -f, where the bucket lacks it)"
    )
    raise ProjectErrors(
        ProjectError(str(path), f"damaged; belongs to {users.get(hash_of(path), 'an older version')}", remedy)
        for path in damaged
    )


def is_whole(path: Path) -> bool:
    """Say whether a file has the hash that names it; one that cannot be read has not."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest() == hash_of(path).removesuffix(".dir")
    except OSError:
        return False


def hash_of(path: Path) -> str:
    return path.parent.name + path.name


def users_of_objects(repo: Repo) -> dict[str, str]:
    """Return which output, or file of an output, has a hash, as dvc.lock and the .dvc files of the workspace say."""
    users: dict[str, str] = {}
    for out in repo.index.outs:
        if out.hash_info:
            users[out.hash_info.value] = f"{out}" + ("/ (its listing)" if out.hash_info.isdir else "")
        if out.hash_info and out.hash_info.isdir:
            try:
                tree = Tree.load(out.cache, out.hash_info)
            except (OSError, ObjectFormatError):  # damaged or missing itself
                continue
            users |= {file_hash.value: f"{out}/{'/'.join(key)}" for key, _, file_hash in tree}
    return users


if __name__ == "__main__":
    stage.run(main)
