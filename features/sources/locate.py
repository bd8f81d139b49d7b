"""Where rows come from: the uris of a source to the files and tables behind them.

A part is one file or one database table; files come in the order of their names, which is half of
a row's position; the other half, the row's number, comes from the module of its format.
Messages show names of files as the workspace writes them, never what a `${NAME}` stood for.
"""

import glob
import os
from collections.abc import Callable
from pathlib import Path

from features.errors import BadInput, ForestayError, raise_faults
from features.settings import resolve_uri
from features.settings.source_uri import DATABASE_FILES, scheme_of
from features.sources.csv_files import csv_part
from features.sources.databases import duckdb_part, postgresql_part
from features.sources.json_lines import json_part
from features.sources.parquet_files import parquet_part
from features.sources.part import Part
from features.workspace import Source, Workspace

_FORMATS: dict[str, Callable[[Path, str], Part]] = {
    ".parquet": parquet_part,
    ".pq": parquet_part,
    ".csv": csv_part,
    ".tsv": csv_part,
    ".txt": csv_part,
    ".json": json_part,
    ".jsonl": json_part,
    ".ndjson": json_part,
}
_MOST_FILES = 65_536


def parts_of(source: Source, workspace: Workspace) -> tuple[Part, ...]:
    """Find and open everything a source names; no row is read yet.

    Raises
    ------
    BadInput : all files that are absent, empty, damaged or of no known format, at once.
    Unavailable : a database that does not answer.
    """
    faults: list[ForestayError] = []
    parts: list[Part] = []
    files: list[Path] = []
    for uri in source.uri:
        try:
            found = _locate(uri, source, workspace)
        except ForestayError as error:
            faults.append(error)
            continue
        if isinstance(found, Part):
            parts.append(found)
        else:
            files.extend(found)
    for path, name in _named(files):
        try:
            parts.append(file_part(path, name))
        except ForestayError as error:
            faults.append(error)
    raise_faults(faults)
    return tuple(parts)


def _locate(uri: str, source: Source, workspace: Workspace) -> Part | list[Path]:
    opened = resolve_uri(uri, workspace)
    where = f"forestay.yaml, field {source.label}.uri"
    if scheme_of(opened) in ("postgresql", "postgres"):
        return postgresql_part(opened, source.table or "", source.label)
    path = Path(opened.removeprefix("duckdb://"))
    if opened.startswith("duckdb://") or path.suffix.lower() in DATABASE_FILES:
        return _database_file(path, source, uri, where)
    return _files(path, uri, where)


def _database_file(path: Path, source: Source, uri: str, where: str) -> Part:
    if not path.is_file():
        raise _absent(uri, where)
    return duckdb_part(path, source.table or "", source.label)


def _files(path: Path, uri: str, where: str) -> list[Path]:
    if path.is_dir():
        raise BadInput(
            where,
            f"`{uri}` is a folder",
            "files, or a glob",
            f"write `{uri.rstrip('/')}/*.parquet`",
        )
    # The path itself first: a file's own name may hold brackets.
    found = [path] if path.is_file() else [Path(p) for p in glob.glob(str(path), recursive=True)]  # noqa: PTH207 - the pattern is absolute
    files = [file for file in found if file.is_file()]
    if not files:
        raise _absent(uri, where)
    if len(files) > _MOST_FILES:
        raise BadInput(
            where,
            f"`{uri}` names {len(files):,} files",
            f"at most {_MOST_FILES:,} files a source",
            "join small files into larger ones",
        )
    return files


def _absent(uri: str, where: str) -> BadInput:
    return BadInput(
        where,
        f"there is no file `{uri}`",
        "a path or glob that starts at the folder of forestay.yaml, or at /",
        "correct the path, or put the file there",
    )


def _named(files: list[Path]) -> list[tuple[Path, str]]:
    """Give each file its name below the folder all share, in sorted order, each file once."""
    unique = sorted(set(files))
    if not unique:
        return []
    shared = os.path.commonpath([file.parent for file in unique])
    return sorted(((f, f.relative_to(shared).as_posix()) for f in unique), key=lambda pair: pair[1])


def file_part(path: Path, name: str) -> Part:
    """Open one file by its ending, under the name that messages give it.

    Raises
    ------
    BadInput : it is empty, damaged, not readable or of no known format.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = (
        suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])
    )
    open_part = _FORMATS.get(kind)
    if open_part is None or (open_part is parquet_part and suffixes[-1] == ".gz"):
        raise BadInput(
            name,
            f"files ending in `{''.join(suffixes[-2:])}` cannot be read",
            "Parquet, CSV or JSON lines (.parquet, .csv, .tsv, .jsonl, .ndjson, .json), the texts"
            " also with .gz",
            "convert the file",
        )
    if path.stat().st_size == 0:
        raise BadInput(name, "the file is empty", "rows", "write or copy the file again")
    try:
        return open_part(path, name)
    except PermissionError as error:
        raise BadInput(
            name, "the file may not be read", "a file you may read", "change its permissions"
        ) from error
