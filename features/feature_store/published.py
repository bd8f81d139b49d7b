"""Which snapshots Feast may read: those of today's catalogue, linked into a folder of its own.

Feast reads one glob for all dates and takes the columns of its first file, so one snapshot of an
older catalogue would hide or break the columns of all others. Links cost nothing, and a snapshot
that is made anew does not change under a reader.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from features.catalogue import Catalogue
from features.errors import NotReady
from features.feature_store.registry import alone, feast_folder
from features.snapshots import Snapshot, open_snapshot
from features.workspace import Workspace

PREFIX = "as_of="


def publish(workspace: Workspace, catalogue: Catalogue) -> dict[date, Snapshot]:
    """Link the snapshots of the catalogue for Feast, and unlink all others.

    Returns
    -------
    snapshots : those that Feast sees now, by date.
    """
    opened = (open_snapshot(workspace, day) for day in _days(workspace.state / "snapshots"))
    published = {
        snapshot.as_of: snapshot
        for snapshot in opened
        if snapshot.catalogue_fingerprint == catalogue.fingerprint
    }
    offline = feast_folder(workspace) / "offline"
    with alone(workspace, "published"):
        files = {
            offline / snapshot.folder.name / snapshot.path(bucket).name: snapshot.path(bucket)
            for snapshot in published.values()
            for bucket in range(snapshot.buckets)
        }
        for outdated in set(offline.glob(f"{PREFIX}*/*")) - set(files):
            outdated.unlink()
        for target, file in files.items():
            _link(file, target)
    return published


def _days(snapshots: Path) -> list[date]:
    folders = sorted(path.parent.name for path in snapshots.glob(f"{PREFIX}*/snapshot.json"))
    return [date.fromisoformat(name.removeprefix(PREFIX)) for name in folders]


def _link(file: Path, target: Path) -> None:
    if target.exists() and _same(file.stat(), target.stat()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(f".{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    try:
        os.link(file, beside)
    except OSError:  # a file system without hard links
        shutil.copy2(file, beside)
    beside.replace(target)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def find(published: Mapping[date, Snapshot], days: Iterable[date]) -> tuple[Snapshot, ...]:
    """Return the snapshots of some dates.

    Raises
    ------
    NotReady : a date has none, or one of another catalogue; all such dates are named.
    """
    wanted = sorted(set(days))
    missing = [day.isoformat() for day in wanted if day not in published]
    if missing:
        raise NotReady(
            f"snapshots of {', '.join(missing)}",
            "they have not been made, or not from today's catalogue",
            "one snapshot for every date",
            f"run `forestay features --from {missing[0]} --to {missing[-1]}`",
        )
    return tuple(published[day] for day in wanted)


def verify(snapshots: Iterable[Snapshot]) -> None:
    """Read every page of some snapshots: DuckDB would learn from a flipped bit in silence.

    Raises
    ------
    BrokenRecord : a file is not what was written.
    """
    parts = [(snapshot, bucket) for snapshot in snapshots for bucket in range(snapshot.buckets)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda part: part[0].read(part[1]).num_rows, parts))
