"""Snapshots: the features of every customer as of a date, on disk, whole or not at all.

A snapshot is a folder of one Parquet file per customer bucket and a `snapshot.json` that says
what it was made from. The same data and catalogue give the same bytes; a snapshot made from what
has changed since is stale, and `build_snapshots` makes it anew and says so. Feast reads the files.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.accepted import Accepted
from features.catalogue import Catalogue, catalogue_for
from features.contract_history import history_fingerprints
from features.errors import BrokenRecord, NotReady
from features.feature_rows import feature_rows
from features.fingerprint import digest, visible_fingerprints
from features.progress import SILENT, Progress
from features.workspace import Workspace

#: Raised when the layout of a snapshot changes; older ones are made anew.
FORMAT = 2
#: Dates computed in one pass over the data: bounds the memory of a long back-fill.
DATES_AT_ONCE = 6


@dataclass(frozen=True, kw_only=True)
class SnapshotReport:
    """What `build_snapshots` did with each date."""

    built: tuple[date, ...]
    unchanged: tuple[date, ...]
    stale_rebuilt: tuple[date, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot on disk and what it was made from.

    Attributes
    ----------
    folder : where its files lie.
    as_of, instant : the date, and the local midnight it stands for (UTC).
    rows, hashes : customers per bucket, and the SHA-256 of its file.
    features : dtype (number or text) by feature name, in order.
    data_fingerprint : of all that could be seen before `instant`.
    catalogue_fingerprint : of the features and the code that computes them.
    """

    folder: Path
    as_of: date
    instant: datetime
    rows: tuple[int, ...]
    hashes: tuple[str, ...]
    features: Mapping[str, str]
    data_fingerprint: str
    catalogue_fingerprint: str

    @property
    def buckets(self) -> int:
        """Number of bucket files."""
        return len(self.rows)

    def path(self, bucket: int) -> Path:
        """Return the file of one bucket."""
        return self.folder / f"bucket={bucket:03d}.parquet"

    def read(self, bucket: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one bucket, sorted by customer; every byte is verified.

        Raises
        ------
        BrokenRecord : the file is missing, or not what was written.
        """
        path = self.path(bucket)
        try:
            written = path.read_bytes()
        except OSError as error:
            raise _broken(path, "it cannot be read") from error
        if hashlib.sha256(written).hexdigest() != self.hashes[bucket]:
            raise _broken(path, "it is not what was written")
        return pq.read_table(
            pa.BufferReader(written), columns=None if columns is None else list(columns)
        )


def build_snapshots(
    workspace: Workspace,
    accepted: Accepted,
    as_ofs: Sequence[date],
    progress: Progress = SILENT,
) -> SnapshotReport:
    """Make the snapshots of some dates, leaving alone those that would come out the same.

    Parameters
    ----------
    workspace : where they are kept, and what a date means.
    accepted : the accepted data.
    as_ofs : dates; each means its local midnight.

    Raises
    ------
    BrokenRecord : a computed value lies outside the range its feature can have.
    """
    catalogue = catalogue_for(accepted, workspace)
    days = sorted(set(as_ofs))
    wanted = _wanted(workspace, accepted, catalogue, days)
    present = {day: _recorded(workspace, day) for day in days}
    unchanged = tuple(day for day in days if present[day] == wanted[day])
    changed = [day for day in days if day not in unchanged]
    for start in range(0, len(changed), DATES_AT_ONCE):
        some = {day: wanted[day] for day in changed[start : start + DATES_AT_ONCE]}
        _build(workspace, accepted, catalogue, some, progress)
    return SnapshotReport(
        built=tuple(day for day in changed if present[day] is None),
        unchanged=unchanged,
        stale_rebuilt=tuple(day for day in changed if present[day] is not None),
    )


def open_snapshot(workspace: Workspace, as_of: date) -> Snapshot:
    """Open the snapshot of a date.

    Raises
    ------
    NotReady : there is none. BrokenRecord : its description is damaged.
    """
    folder = snapshot_folder(workspace, as_of)
    path = folder / "snapshot.json"
    if not path.is_file():
        raise NotReady(
            f"snapshot of {as_of}",
            "it has not been made",
            f"a folder {folder.name} with snapshot.json",
            f"run `forestay features --as-of {as_of}`",
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        made = record["made_from"]
        return Snapshot(
            folder=folder,
            as_of=date.fromisoformat(made["as_of"]),
            instant=datetime.fromisoformat(made["instant"]),
            rows=tuple(file["rows"] for file in record["files"]),
            hashes=tuple(file["sha256"] for file in record["files"]),
            features=record["features"],
            data_fingerprint=made["data"],
            catalogue_fingerprint=made["catalogue"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, "it is not the description of a snapshot") from error


def stale_snapshots(workspace: Workspace, accepted: Accepted) -> tuple[date, ...]:
    """Name the snapshots that would come out different today, because earlier rows arrived."""
    folder = workspace.state / "snapshots"
    days = sorted(
        date.fromisoformat(path.parent.name.removeprefix("as_of="))
        for path in folder.glob("as_of=*/snapshot.json")
    )
    wanted = _wanted(workspace, accepted, catalogue_for(accepted, workspace), days)
    return tuple(day for day in days if _recorded(workspace, day) != wanted[day])


def snapshot_folder(workspace: Workspace, as_of: date) -> Path:
    """Return the folder of a date's snapshot."""
    return workspace.state / "snapshots" / f"as_of={as_of.isoformat()}"


@dataclass(frozen=True, kw_only=True)
class _MadeFrom:
    """All that decides a snapshot's bytes."""

    format: int
    as_of: str
    instant: str
    buckets: int
    data: str
    catalogue: str


def _wanted(
    workspace: Workspace, accepted: Accepted, catalogue: Catalogue, days: Sequence[date]
) -> dict[date, _MadeFrom]:
    instants = {day: workspace.midnight(day) for day in days}
    seen = visible_fingerprints(accepted, list(instants.values())) if days else {}
    history = history_fingerprints(accepted, list(instants.values()))
    return {
        day: _MadeFrom(
            format=FORMAT,
            as_of=day.isoformat(),
            instant=instant.isoformat(),
            buckets=accepted.buckets,
            data=digest((seen[instant], history[instant])),
            catalogue=catalogue.fingerprint,
        )
        for day, instant in instants.items()
    }


def _recorded(workspace: Workspace, day: date) -> _MadeFrom | None:
    """Read what a snapshot was made from; None where there is none that can be trusted."""
    path = snapshot_folder(workspace, day) / "snapshot.json"
    try:
        return _MadeFrom(**json.loads(path.read_text(encoding="utf-8"))["made_from"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return _MadeFrom(format=0, as_of="", instant="", buckets=0, data="", catalogue="")


def _build(
    workspace: Workspace,
    accepted: Accepted,
    catalogue: Catalogue,
    wanted: Mapping[date, _MadeFrom],
    progress: Progress,
) -> None:
    """Compute some dates in one pass over the buckets, then let each appear at once."""
    home = workspace.state / "snapshots"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=home) as making:
        drafts = {day: Path(making) / day.isoformat() for day in wanted}
        for draft in drafts.values():
            draft.mkdir()
        files: dict[date, list[dict[str, object]]] = {day: [] for day in wanted}
        instants = [workspace.midnight(day) for day in wanted]
        for bucket, tables in feature_rows(accepted, catalogue, instants, progress=progress):
            for day, table in zip(wanted, tables, strict=True):
                path = drafts[day] / f"bucket={bucket:03d}.parquet"
                write_bucket(table, path)
                sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
                files[day].append({"rows": table.num_rows, "sha256": sha256})
        for day, made_from in wanted.items():
            _describe(drafts[day], made_from, files[day], catalogue)
            _put_in_place(drafts[day], snapshot_folder(workspace, day))


def write_bucket(table: pa.Table, path: Path) -> None:
    """Write one bucket with page checksums: a flipped bit is found when it is read."""
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def _describe(
    folder: Path, made_from: _MadeFrom, files: Sequence[dict[str, object]], catalogue: Catalogue
) -> None:
    record = {
        "made_from": asdict(made_from),
        "files": list(files),
        "features": {feature.name: feature.dtype for feature in catalogue.features},
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / "snapshot.json").write_text(text, encoding="utf-8")


def _put_in_place(draft: Path, folder: Path) -> None:
    """Replace a snapshot by its new one; killed between, there is none, never half of one."""
    if folder.exists():
        aside = draft.with_name(f"{draft.name}.old")
        folder.replace(aside)
        shutil.rmtree(aside)
    draft.replace(folder)


def _broken(path: Path, problem: str) -> BrokenRecord:
    return BrokenRecord(
        str(path),
        problem,
        "the bytes that Forestay wrote",
        f"delete the folder {path.parent.name} and run `forestay features` again",
    )
