"""Files and folders that are there whole or not at all, and a lease so that only one writes.

Everything is written beside its place and renamed into it, so that a kill at any instant leaves
either the old or the new.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import Conflict


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON, the same bytes for the same content."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False, default=str)
    write_bytes(path, text.encode() + b"\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    write_bytes(path, text.encode())


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table with page checksums."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    pq.write_table(table, beside, compression="zstd", write_page_checksum=True)
    beside.replace(path)


def read_whole(path: Path) -> pa.Table | None:
    """Read a table written before; None when it is not there or was damaged: make it again."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(use_threads=False)
    except (OSError, pa.ArrowInvalid):
        return None


def point_to(link: Path, target: str) -> None:
    """Make a symbolic link point to a sibling, without an instant in which it points nowhere."""
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a folder, by hard links where the file system has them: it costs no space."""
    beside = target.with_name(f".{target.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(source, beside, copy_function=link_file)
    beside.replace(target)


def link_file(source: str, target: str) -> object:
    """Link a file, or copy it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        return shutil.copy2(source, target)
    return target


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)


@contextlib.contextmanager
def lease(path: Path, what: str) -> Iterator[None]:
    """Hold the only right to do something; it ends with the process, however that ends.

    Raises
    ------
    Conflict : another process holds it; the message names the process.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise Conflict(
                what,
                f"process {file.read().strip() or 'unknown'} is at it already",
                "one at a time",
                "wait until it is done",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def wait_for_lease(path: Path) -> Iterator[None]:
    """Hold the only right to do something, once whoever holds it is done."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
