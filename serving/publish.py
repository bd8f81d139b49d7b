"""A finished folder becomes the list of its date: whole, at once, and without losing the old one.

`lists/latest` points to a complete list at every instant, also while one list replaces another.
"""

import json
import re
import shutil
from datetime import date
from pathlib import Path

from features.errors import Conflict
from features.whole import copy_whole, point_to, write_json
from serving.earlier_lists import LATEST, list_dates, open_list

KEPT = "superseded"


def draft_folder(lists: Path, as_of: date) -> Path:
    """Return an empty folder in which the list of a date is written; not yet a list."""
    folder = lists / f".{as_of.isoformat()}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def predecessor(lists: Path, as_of: date) -> str | None:
    """Name the folder in which the list that a new one supersedes is kept, or will be.

    A run that was killed after keeping it, or after taking it away, finds the same name again.
    """
    kept = _kept(lists, as_of)
    current = open_list(lists, as_of)
    if current is None:
        return _kept_name(as_of, kept[-1]) if kept else None
    if kept and _fingerprint(lists / _kept_name(as_of, kept[-1])) == current.fingerprint:
        return _kept_name(as_of, kept[-1])
    return _kept_name(as_of, (kept[-1] if kept else 0) + 1)


def publish(lists: Path, as_of: date, draft: Path) -> Path:
    """Put a finished draft in its place and point `latest` to the newest list."""
    folder = lists / as_of.isoformat()
    if folder.exists() and open_list(lists, as_of) is None:
        raise Conflict(
            str(folder),
            "it stands where the list belongs, and holds no list",
            "no folder, or a list that Forestay wrote",
            "move it away and run `forestay nightly` again",
        )
    if folder.exists():
        _keep(lists, as_of, folder)
        aside = lists / f".{as_of.isoformat()}.old"
        shutil.rmtree(aside, ignore_errors=True)
        folder.replace(aside)
        draft.replace(folder)
    else:
        draft.replace(folder)
    show_latest(lists)
    return folder


def show_latest(lists: Path) -> None:
    """Point `latest` to the newest complete list, and drop what a replaced one left aside."""
    for aside in lists.glob(".*.old"):
        shutil.rmtree(aside, ignore_errors=True)
    dates = list_dates(lists)
    link = lists / LATEST
    if dates and (not link.is_symlink() or link.readlink().name != dates[-1].isoformat()):
        point_to(link, dates[-1].isoformat())


def _keep(lists: Path, as_of: date, folder: Path) -> None:
    name = str(predecessor(lists, as_of))
    if not (lists / name).exists():
        copy_whole(folder, lists / name)
    write_json(lists / name / "superseded.json", {"superseded_by": folder.name})
    latest = lists / LATEST
    if latest.is_symlink() and latest.readlink().name == folder.name:
        point_to(latest, name)


def _kept(lists: Path, as_of: date) -> list[int]:
    """Return the numbers of the lists of a date that were superseded, in order."""
    pattern = re.compile(rf"{as_of.isoformat()}\.{KEPT}-(\d+)")
    found = (pattern.fullmatch(path.name) for path in lists.glob("*"))
    return sorted(int(match[1]) for match in found if match)


def _kept_name(as_of: date, number: int) -> str:
    return f"{as_of.isoformat()}.{KEPT}-{number}"


def _fingerprint(folder: Path) -> str:
    return str(json.loads((folder / "summary.json").read_text("utf-8"))["fingerprint"])
