"""What ingest accepted, as everybody above reads it: tables in customer buckets, verified.

`.forestay/accepted.json` names the folder of the current data and, for every file, its rows, its
size and the hash of its footer; pages carry checksums. What does not agree is a BrokenRecord that
names the file: nothing damaged or exchanged is ever read as data.
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import BrokenRecord, NotReady
from features.fingerprint import CONTENT_HASH, LATE_HASH, digest
from features.workspace import Workspace

FORMAT = 1
MANIFEST = "accepted.json"
_TAIL = 8  # bytes after a Parquet footer: its length, and PAR1


@dataclass(frozen=True, kw_only=True)
class AcceptedFile:
    """One bucket of one table, and what it must look like."""

    name: str
    rows: int
    bytes: int
    footer: str


@dataclass(frozen=True, kw_only=True)
class AcceptedTable:
    """One accepted table: what is mapped in it, and its extra columns."""

    name: str
    rows: int
    mapped: tuple[str, ...]
    extra: dict[str, Literal["number", "text"]]
    kinds: tuple[str, ...]
    fingerprint: str
    files: tuple[AcceptedFile, ...]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """All accepted tables of a workspace, as of one ingest."""

    folder: Path
    buckets: int
    tables: dict[str, AcceptedTable]
    data_until: datetime
    first_event_at: datetime
    fingerprint: str
    newest: dict[str, datetime]
    #: The newest row in it that came in through the service; 0 where none did.
    received: int = 0


def open_accepted(workspace: Workspace) -> Accepted:
    """Open the accepted data of a workspace.

    Raises
    ------
    NotReady : nothing has been ingested yet.
    BrokenRecord : the record of what was accepted is damaged.
    """
    manifest = workspace.state / MANIFEST
    try:
        text = manifest.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotReady(
            workspace.name,
            "no data have been ingested yet",
            "accepted data",
            "run `forestay ingest`",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(manifest, "cannot be read") from error
    try:
        sealed = json.loads(text)
        body = sealed["accepted"]
        if sealed["format"] != FORMAT or sealed["seal"] != seal_of(body):
            raise _broken(manifest, "was changed since it was written")
        return _read(body, workspace.state)
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(manifest, "was changed since it was written") from error


def _read(body: Mapping, state: Path) -> Accepted:
    tables = {
        name: AcceptedTable(
            name=name,
            rows=table["rows"],
            mapped=tuple(table["mapped"]),
            extra=dict(table["extra"]),
            kinds=tuple(table["kinds"]),
            fingerprint=table["fingerprint"],
            files=tuple(AcceptedFile(**file) for file in table["files"]),
        )
        for name, table in body["tables"].items()
    }
    return Accepted(
        folder=state / body["folder"],
        buckets=body["buckets"],
        tables=tables,
        data_until=datetime.fromisoformat(body["data_until"]),
        first_event_at=datetime.fromisoformat(body["first_event_at"]),
        fingerprint=body["fingerprint"],
        newest={k: datetime.fromisoformat(v) for k, v in body["newest"].items()},
        received=body.get("received", 0),
    )


def manifest_text(accepted: Accepted) -> str:
    """Write accepted data down, sealed against change."""
    body = {
        "folder": accepted.folder.name,
        "buckets": accepted.buckets,
        "data_until": accepted.data_until.isoformat(),
        "first_event_at": accepted.first_event_at.isoformat(),
        "fingerprint": accepted.fingerprint,
        "newest": {label: at.isoformat() for label, at in accepted.newest.items()},
        "received": accepted.received,
        "tables": {name: asdict(table) for name, table in accepted.tables.items()},
    }
    body = json.loads(json.dumps(body))
    return json.dumps({"format": FORMAT, "seal": seal_of(body), "accepted": body}, indent=1) + "\n"


def seal_of(body: Mapping) -> str:
    """Hash the record's content."""
    return digest(json.dumps(body, sort_keys=True))


def footer_hash(path: Path) -> str:
    """Hash a Parquet file's footer: it says where every page is, so it binds the file together."""
    with path.open("rb") as file:
        file.seek(-_TAIL, 2)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-_TAIL - length, 2)
        return hashlib.sha256(file.read()).hexdigest()


def bucket_path(folder: Path, table: str, bucket: int) -> Path:
    """Return where a bucket of a table lies below the folder of accepted data."""
    return folder / table / f"bucket={bucket:03d}.parquet"


def read_bucket(
    accepted: Accepted, table: str, bucket: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read one bucket of a table, verified; times come as naive UTC so that engines agree.

    Raises
    ------
    BrokenRecord : the file is missing, exchanged, cut off or damaged; the message names it.
    """
    path = bucket_path(accepted.folder, table, bucket)
    verify_file(path, accepted.tables[table].files[bucket])
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            hidden = (CONTENT_HASH, LATE_HASH)
            chosen = columns or [n for n in file.schema_arrow.names if n not in hidden]
            rows = file.read(columns=list(chosen), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, "is damaged") from error
    if rows.num_rows != accepted.tables[table].files[bucket].rows:
        raise _broken(path, "holds another number of rows than were accepted")
    return _naive(rows.select(list(chosen)))


def bucket_of(customer_id: str, buckets: int) -> int:
    """Return a customer's bucket, as DuckDB's `md5_number_lower` gives it; for a few customers."""
    digest = hashlib.md5(customer_id.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") % buckets


def read_customers(accepted: Accepted, table: str, bucket: int, ids: pa.Array) -> pa.Table:
    """Read the rows of some customers out of one bucket, and no more groups of rows than need be.

    Raises
    ------
    BrokenRecord : as for `read_bucket`.
    """
    path = bucket_path(accepted.folder, table, bucket)
    verify_file(path, accepted.tables[table].files[bucket])
    wanted = sorted(ids.to_pylist())
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = [n for n in file.schema_arrow.names if n not in (CONTENT_HASH, LATE_HASH)]
            place = file.schema_arrow.names.index("customer_id")
            groups = [
                number
                for number in range(file.num_row_groups)
                if _may_hold(file.metadata.row_group(number).column(place).statistics, wanted)
            ]
            rows = file.read_row_groups(groups, columns=names, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, "is damaged") from error
    return _naive(rows.select(names).filter(pc.is_in(rows["customer_id"], value_set=ids)))


def _may_hold(found: Any, wanted: Sequence[str]) -> bool:  # noqa: ANN401 - Parquet's statistics
    """Tell whether any of some ids lies between the least and the greatest of a group of rows."""
    if found is None or not found.has_min_max:
        return True
    place = bisect_left(wanted, found.min)
    return place < len(wanted) and wanted[place] <= found.max


def current_aliases(accepted: Accepted) -> dict[str, str]:
    """Return the customer each alias stands for by the newest data, chains followed."""
    if "aliases" not in accepted.tables:
        return {}
    links: dict[str, str] = {}
    for bucket in range(accepted.buckets):
        rows = read_bucket(accepted, "aliases", bucket)
        newest = rows.filter(pc.is_null(rows["superseded_at"]))
        links |= dict(zip(*(newest[n].to_pylist() for n in ("alias", "customer_id")), strict=True))
    found = {alias: customer for alias, customer in links.items() if alias != customer}
    while any(customer in found for customer in found.values()):
        found = {alias: found.get(customer, customer) for alias, customer in found.items()}
    return found


def verify_file(path: Path, expected: AcceptedFile) -> None:
    """Check size and footer of a file; its pages are checked when they are read.

    Raises
    ------
    BrokenRecord : the file is not the one that was written.
    """
    try:
        if path.stat().st_size != expected.bytes:
            raise _broken(path, "has another size than when it was written")
        if footer_hash(path) != expected.footer:
            raise _broken(path, "was changed since it was written")
    except FileNotFoundError as error:
        raise _broken(path, "is missing") from error
    except OSError as error:
        raise _broken(path, "cannot be read") from error


def verify_pages(path: Path) -> None:
    """Read every page of a file once, piece by piece, so that damage inside it is found.

    Raises
    ------
    BrokenRecord : a page is damaged.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for _ in file.iter_batches(use_threads=False):
                pass
    except (pa.ArrowException, OSError) as error:
        raise _broken(path, "is damaged") from error


def _naive(rows: pa.Table) -> pa.Table:
    fields = [
        pa.field(f.name, pa.timestamp("us")) if pa.types.is_timestamp(f.type) else f
        for f in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _broken(path: Path, problem: str) -> BrokenRecord:
    place = path.parent.name + "/" + path.name if path.suffix == ".parquet" else path.name
    return BrokenRecord(
        f".forestay/{place}",
        f"the file {problem}",
        "the file as `forestay ingest` wrote it",
        "find out what changed it, then run `forestay ingest` again: it writes the file anew",
    )
