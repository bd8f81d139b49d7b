"""Erase one person: in an order that a kill cannot undo, and safe to repeat.

First the keys are shredded and the person is refused from now on; then the rows go, file by file.
"""

import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.accepted import Accepted, open_accepted
from features.erased import remember_erased
from features.erasing import all_ids, drop_rows, erase_accepted, erase_outcomes, erase_snapshots
from features.errors import NotReady
from features.ingest.publish import exclusive
from features.progress import SILENT, Progress
from features.whole import lease
from features.workspace import Workspace
from serving.audit.environment import actor
from serving.erasure.list_rows import erase_from_list
from serving.keyring import open_keyring
from serving.ledger import open_ledger
from serving.online.forgetting import forget_received, forget_standing

ERASED = "erased"
#: Folder of the pages of `forestay audit report`.
REPORTS = "reports"


@dataclass(frozen=True, kw_only=True)
class ErasureReport:
    """What was erased, and what remains where Forestay cannot or must not reach.

    Attributes
    ----------
    ids : how many ids meant the person, aliases included.
    rows : dropped, by table of the accepted data.
    snapshots, list_files, decisions, outcomes : files or rows from which the person is gone.
    received : rows that came in through the service.
    pages : reports that told of the person, deleted.
    sources : of the user's own, from which rows of the person had been accepted.
    models : versions that were trained before.
    found_in : files of the workspace in which an id can still be read; should be none.
    """

    on: date
    ids: int
    rows: dict[str, int]
    snapshots: int
    list_files: int
    decisions: int
    outcomes: int
    received: int
    pages: int
    sources: tuple[str, ...]
    models: tuple[str, ...]
    found_in: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def erase(
    workspace: Workspace, customer_id: str, *, on: datetime, progress: Progress = SILENT
) -> ErasureReport:
    """Erase a person from everything Forestay wrote in the workspace.

    Parameters
    ----------
    on : when; its day is what replays and pages will say.

    Raises
    ------
    Conflict : a night or an ingest is at work. Unavailable : keys or ledger cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(lease(workspace.state / "nightly.lock", "forestay audit erase"))
        with exclusive(workspace.state):
            ids = _known_ids(workspace, customer_id)
            _shred(workspace, ids, on.date())
            steps = progress.step("Erasing", total=5)
            with steps as step:
                snapshots = erase_snapshots(workspace, ids)
                outcomes = erase_outcomes(workspace, ids)
                step.advance()
                lists = sum(erase_from_list(folder, ids) for folder in _lists(workspace))
                step.advance()
                pages = _pages(workspace, ids)
                decisions = _nights(workspace, ids)
                received = forget_received(workspace, ids)
                forget_standing(workspace, ids)
                step.advance()
                # Last: a run that was killed finds the aliases here again.
                rows = _accepted(workspace, ids)
                step.advance()
        online = _forget_online(workspace)
        if online:
            _load_online(workspace, online, progress)
    return ErasureReport(
        on=on.date(),
        ids=len(ids),
        rows=rows,
        snapshots=snapshots,
        list_files=lists,
        decisions=decisions,
        outcomes=outcomes,
        received=received,
        pages=pages,
        sources=_sources(workspace, rows),
        models=_models(workspace),
        found_in=_still_found(workspace, ids),
    )


def _known_ids(workspace: Workspace, customer_id: str) -> frozenset[str]:
    try:
        return all_ids(open_accepted(workspace), customer_id)
    except NotReady:
        return frozenset({customer_id})


def _shred(workspace: Workspace, ids: frozenset[str], on: date) -> None:
    """Make the person's records unreadable, refuse the person from now on, and say so."""
    keyring = open_keyring(workspace)
    ledger = open_ledger(workspace, actor=actor())
    names = sorted({name.hex() for one in ids for name in keyring.every_pseudonym(one)})
    known = {name for entry in ledger.entries(ERASED) for name in entry.body["pseudonyms"]}
    for one in sorted(ids):
        keyring.shred(one, on)
    remember_erased(workspace, ids)
    if not set(names) <= known:
        ledger.append(ERASED, {"pseudonyms": names, "on": on.isoformat()})


def _accepted(workspace: Workspace, ids: frozenset[str]) -> dict[str, int]:
    try:
        return erase_accepted(workspace, ids)
    except NotReady:
        return {}


def _lists(workspace: Workspace) -> list[Path]:
    """Return the folders of all lists, superseded and unfinished ones too."""
    if not workspace.lists.is_dir():
        return []
    return [path for path in workspace.lists.iterdir() if path.is_dir() and not path.is_symlink()]


def _nights(workspace: Workspace, ids: frozenset[str]) -> int:
    """Drop the person from decisions and shadows that are kept, and from what a kill left."""
    nights = workspace.state / "nightly"
    for scores in nights.glob("*/*/scores"):
        shutil.rmtree(scores)
    for shadowed in (workspace.state / "models" / "shadow").glob("*/*.parquet"):
        drop_rows(shadowed, ids)
    return sum(drop_rows(path, ids) for path in nights.glob("*/*/decisions.parquet"))


def _pages(workspace: Workspace, ids: frozenset[str]) -> int:
    """Delete the reports that tell of the person."""
    wanted = [one.encode() for one in ids]
    found = [path for path in (workspace.folder / REPORTS).glob("*") if _holds(path, wanted)]
    for path in found:
        path.unlink()
    return len(found)


def _forget_online(workspace: Workspace) -> date | None:
    """Take the online store and the links for Feast away; return the date that was loaded."""
    folder = workspace.state / "feast"
    shutil.rmtree(folder / "offline", ignore_errors=True)
    mark = folder / "online.json"
    if not mark.is_file():
        return None
    import json

    from features.feature_store import empty_online

    loaded = datetime.fromisoformat(json.loads(mark.read_text("utf-8"))["as_of"])
    empty_online(workspace)
    mark.unlink()
    return workspace.local_date(loaded)


def _load_online(workspace: Workspace, as_of: date, progress: Progress) -> None:
    from features.catalogue import catalogue_for
    from features.feature_store import materialize
    from features.snapshots import build_snapshots

    accepted: Accepted = open_accepted(workspace)
    build_snapshots(workspace, accepted, [as_of], progress)
    materialize(workspace, catalogue_for(accepted, workspace), as_of, progress=progress)


def _sources(workspace: Workspace, rows: dict[str, int]) -> tuple[str, ...]:
    tables = [name for name, count in rows.items() if count]
    return tuple(
        source.label
        for name in tables
        for source in workspace.sources.get(name, ())
        if not source.taken_back and not source.received
    )


def _models(workspace: Workspace) -> tuple[str, ...]:
    from training.registry import list_models

    return tuple(f"{one.target} version {one.version}" for one in list_models(workspace))


def _still_found(workspace: Workspace, ids: frozenset[str]) -> tuple[str, ...]:
    """Look for the ids in all plain files; those that are compressed were rewritten."""
    wanted = [one.encode() for one in ids]
    places = (workspace.state, workspace.lists, workspace.folder / REPORTS)
    files = (path for place in places for path in sorted(place.rglob("*")) if path.is_file())
    return tuple(
        str(path.relative_to(workspace.folder))
        for path in files
        if path.suffix not in (".parquet", ".xlsx") and _holds(path, wanted)
    )


def _holds(path: Path, wanted: list[bytes]) -> bool:
    """Look for whole words: a short id is part of many numbers."""
    import re

    pattern = re.compile(rb"(?<![\w.])(?:" + b"|".join(map(re.escape, wanted)) + rb")(?![\w.])")
    return pattern.search(path.read_bytes()) is not None
