"""One person's rows out of everything features keeps: accepted data, snapshots, kept outcomes.

Each file is written beside itself and renamed, and what describes it is written after it; to
repeat a run that was killed finishes it.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.accepted import (
    MANIFEST,
    Accepted,
    AcceptedFile,
    AcceptedTable,
    footer_hash,
    manifest_text,
    open_accepted,
)
from features.erased import ErasedPeople
from features.fingerprint import digest
from features.kept_outcomes import kept_files
from features.whole import link_file, write_table, write_text
from features.workspace import Workspace

#: Columns in which an id of a customer can stand.
IDS = ("customer_id", "alias")
_DRAFT = "erasing"


def all_ids(accepted: Accepted, customer_id: str) -> frozenset[str]:
    """Return every id that means the same person: aliases of it, and what it is an alias of."""
    found = {customer_id}
    if "aliases" not in accepted.tables:
        return frozenset(found)
    names = [accepted.folder / file.name for file in accepted.tables["aliases"].files]
    links = pa.concat_tables([pq.read_table(name, columns=list(IDS)) for name in names])
    while True:
        known = pa.array(sorted(found))
        touched = pc.or_(*(pc.is_in(links[name], value_set=known) for name in IDS))
        mine = links.filter(touched)
        more = {one for name in IDS for one in mine[name].to_pylist()} - found
        if not more:
            return frozenset(found)
        found |= more


def erase_accepted(workspace: Workspace, ids: frozenset[str]) -> dict[str, int]:
    """Drop a person's rows from the accepted data; return how many of each table.

    The data are written into a folder of their own, which then becomes the current one.
    """
    accepted = open_accepted(workspace)
    counts = {name: _count(accepted, table, ids) for name, table in accepted.tables.items()}
    if any(counts.values()):
        _write_without(workspace, accepted, ids, counts)
    # Also where nothing was to be dropped: a run that was killed left the old folder behind.
    current = open_accepted(workspace).folder
    for older in (*workspace.state.glob("accepted-*"), workspace.state / _DRAFT):
        if older != current:
            shutil.rmtree(older, ignore_errors=True)
    return counts


def _write_without(
    workspace: Workspace, accepted: Accepted, ids: frozenset[str], counts: Mapping[str, int]
) -> None:
    fingerprint = digest(("erased", accepted.fingerprint, sorted(counts.items())))
    draft = workspace.state / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    tables = {
        name: _table_without(accepted, table, ids, draft) if counts[name] else
        _linked(accepted, table, draft)
        for name, table in accepted.tables.items()
    }  # fmt: skip
    folder = workspace.state / f"accepted-{fingerprint:.12}"
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    written = replace(accepted, folder=folder, tables=tables, fingerprint=fingerprint)
    write_text(workspace.state / MANIFEST, manifest_text(written))


def erase_snapshots(workspace: Workspace, ids: frozenset[str]) -> int:
    """Drop a person's row from every snapshot; return from how many."""
    folders = sorted((workspace.state / "snapshots").glob("as_of=*"))
    return sum(_snapshot_without(folder, ids) for folder in folders)


def _snapshot_without(folder: Path, ids: frozenset[str]) -> bool:
    """Replace a snapshot as a whole; killed between, there is none, and it is made anew."""
    files = sorted(folder.glob("bucket=*.parquet"))
    if not any(_holds(file, ids) for file in files):
        return False
    draft = folder.with_name(f".{folder.name}.erasing")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(folder, draft, copy_function=link_file)
    record = json.loads((draft / "snapshot.json").read_text("utf-8"))
    for place, file in enumerate(sorted(draft.glob("bucket=*.parquet"))):
        if drop_rows(file, ids):
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            rows = pq.read_metadata(file).num_rows
            record["files"][place] = {"rows": rows, "sha256": sha256}
    write_text(draft / "snapshot.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(folder)
    draft.replace(folder)
    return True


def _holds(file: Path, ids: frozenset[str]) -> bool:
    names = [name for name in IDS if name in pq.read_schema(file).names]
    return bool(pc.any(_among(pq.read_table(file, columns=names), ids)).as_py())


def erase_outcomes(workspace: Workspace, ids: frozenset[str]) -> int:
    """Drop a person's rows from the outcomes taken back; return how many."""
    return sum(drop_rows(file, ids) for file in kept_files(workspace.outcomes))


def drop_rows(path: Path, ids: frozenset[str]) -> int:
    """Drop the rows of some ids from a Parquet file, in place; return how many."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        rows = file.read(use_threads=False)
    kept = rows.filter(pc.invert(_among(rows, ids)))
    if kept.num_rows < rows.num_rows:
        write_table(path, kept)
    return int(rows.num_rows - kept.num_rows)


def drop_people(path: Path, people: ErasedPeople) -> None:
    """Drop the rows of everybody who was erased from a file of outcomes."""
    with duckdb.connect() as connection:
        names = connection.execute(
            f"SELECT DISTINCT customer_id FROM read_parquet(?) WHERE {people.sql('customer_id')} IN"
            " (SELECT unnest(?))",
            [str(path), sorted(people.hashes)],
        ).fetchall()
    if ids := frozenset(name for (name,) in names):
        drop_rows(path, ids)


def _among(rows: pa.Table, ids: frozenset[str]) -> pa.ChunkedArray:
    """Tell which rows are about any of some ids."""
    known = pa.array(sorted(ids), pa.string())
    flags = [pc.is_in(rows[name].cast(pa.string()), value_set=known) for name in _id_columns(rows)]
    return flags[0] if len(flags) == 1 else pc.or_(*flags)


def _id_columns(rows: pa.Table) -> list[str]:
    return [name for name in IDS if name in rows.column_names]


def _count(accepted: Accepted, table: AcceptedTable, ids: frozenset[str]) -> int:
    found = 0
    for file in table.files:
        path = accepted.folder / file.name
        names = [name for name in IDS if name in pq.read_schema(path).names]
        found += pc.sum(_among(pq.read_table(path, columns=names), ids)).as_py() or 0
    return found


def _table_without(
    accepted: Accepted, table: AcceptedTable, ids: frozenset[str], draft: Path
) -> AcceptedTable:
    files = tuple(_file_without(accepted.folder, file, ids, draft) for file in table.files)
    rows = sum(file.rows for file in files)
    fingerprint = digest(("erased", table.fingerprint, rows))
    return replace(table, rows=rows, files=files, fingerprint=fingerprint)


def _file_without(
    folder: Path, file: AcceptedFile, ids: frozenset[str], draft: Path
) -> AcceptedFile:
    path = draft / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with pq.ParquetFile(folder / file.name, page_checksum_verification=True) as source:
        schema = source.schema_arrow
        with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
            for group in _groups(source):
                kept = group.filter(pc.invert(_among(group, ids)))
                rows += kept.num_rows
                writer.write_table(kept, row_group_size=max(kept.num_rows, 1))
    size = path.stat().st_size
    return AcceptedFile(name=file.name, rows=rows, bytes=size, footer=footer_hash(path))


def _groups(source: pq.ParquetFile) -> Iterator[pa.Table]:
    for number in range(source.num_row_groups):
        yield source.read_row_group(number, use_threads=False)


def _linked(accepted: Accepted, table: AcceptedTable, draft: Path) -> AcceptedTable:
    for file in table.files:
        target = draft / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        link_file(str(accepted.folder / file.name), str(target))
    return table
