"""The files that `forestay outcomes` took back: where they lie, and how ingest reads them.

Each lies as `.forestay/outcomes/NNNNNN-<start of the given file's sha256>.parquet`, in the order
taken, every column of the contract's `contacts` as text; one the given file did not have is of
Arrow's null type. A file that is still being judged is named in `pending` beside it and is not read
by anybody else; removing that mark is the instant from which it counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import BrokenRecord
from features.sql_words import BROKEN
from features.tables import CONTACTS
from features.workspace import Source, Workspace

_PENDING = "pending"
_HASH_DIGITS, _NUMBER_DIGITS = 12, 6
_ANY_NAME = f"{'[0-9]' * _NUMBER_DIGITS}-{'?' * _HASH_DIGITS}.parquet"
#: A decision is carried out once, so its id is the contact's where the CRM gives it no other.
CONTACT_ID = (
    "coalesce(contact_id, decision_id, concat_ws(' ', customer_id, action, channel, sent_at))"
)


def kept_files(folder: Path) -> list[Path]:
    """Return the files that count, in the order they were taken: later ones have the last word."""
    pending = _pending(folder)
    return sorted(path for path in folder.glob(_ANY_NAME) if path != pending)


def find_kept(folder: Path, sha256: str) -> Path | None:
    """Return the file that was made from one of this hash; None where none was taken."""
    end = f"-{sha256[:_HASH_DIGITS]}.parquet"
    return next((path for path in kept_files(folder) if path.name.endswith(end)), None)


def put_pending(folder: Path, draft: Path, sha256: str) -> Path:
    """Put a written file in its place, to be judged; it does not count yet."""
    folder.mkdir(parents=True, exist_ok=True)
    last = max((int(path.name.split("-")[0]) for path in kept_files(folder)), default=0)
    name = f"{last + 1:0{_NUMBER_DIGITS}}-{sha256[:_HASH_DIGITS]}.parquet"
    beside = folder / f".{_PENDING}.new"
    beside.write_text(name, encoding="utf-8")
    beside.replace(folder / _PENDING)
    return draft.replace(folder / name)


def keep_pending(folder: Path) -> None:
    """Let the file that was judged count from now on."""
    (folder / _PENDING).unlink(missing_ok=True)


def drop_pending(folder: Path) -> None:
    """Remove a file that was refused, or whose judgement was cut short."""
    pending = _pending(folder)
    if pending is not None:
        pending.unlink(missing_ok=True)
        (folder / _PENDING).unlink(missing_ok=True)


def with_taken_back(
    workspace: Workspace,
    *,
    also: Path | None = None,
    received: Sequence[Path] = (),
    until: int = 0,
) -> Workspace:
    """Let a workspace read what was taken back as one more source of contacts.

    Parameters
    ----------
    also : a file to be read even while it is pending.
    received : files of contacts that came in through the service, in the same form; they have the
        last word. ``until`` is the newest row in them.

    Raises
    ------
    BrokenRecord : a kept file was changed or damaged.
    """
    before = sorted({*kept_files(workspace.outcomes), *([also] if also else [])})
    files = [*before, *received]
    if not files:
        return workspace
    mapped = workspace.sources.get(CONTACTS.name, ())
    source = Source(
        table_name=CONTACTS.name,
        index=len(mapped),
        uri=tuple(str(path.relative_to(workspace.folder)) for path in files),
        columns=_columns(files),
        taken_back=True,
        received=until,
    )
    sources = {**workspace.sources, CONTACTS.name: (*mapped, source)}
    return replace(workspace, sources=sources)


def as_kept(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Lay out contacts in the form in which they are kept: text, or of Arrow's null type."""
    given = {name for row in rows for name, value in row.items() if value is not None}
    columns = {
        name: pa.array([_as_text(row.get(name)) for row in rows], pa.string())
        if name in given
        else pa.nulls(len(rows))
        for name in CONTACTS.names
    }
    return pa.table({**columns, BROKEN: pa.nulls(len(rows), pa.string())})


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


def _columns(files: list[Path]) -> dict[str, str]:
    """Map the columns that any of the files was given; the others are null everywhere."""
    given = {f.name for path in files for f in _schema(path) if not pa.types.is_null(f.type)}
    return {name: name for name in CONTACTS.names if name in given} | {"contact_id": CONTACT_ID}


def _schema(path: Path) -> pa.Schema:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _broken(path) from error
    if not set(CONTACTS.names) <= set(schema.names):
        raise _broken(path)
    return schema


def _broken(path: Path) -> BrokenRecord:
    return BrokenRecord(
        f".forestay/outcomes/{path.name}",
        "the file is not as `forestay outcomes` wrote it",
        "the bytes that were written when the outcomes were taken",
        "restore it from a backup; or remove it and give the outcomes again",
    )


def _pending(folder: Path) -> Path | None:
    try:
        return folder / (folder / _PENDING).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
