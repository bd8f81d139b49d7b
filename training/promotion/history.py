"""Which version served since when, who said so and on what evidence: append-only, linear.

MLflow's alias has no history and its last writer wins, so this file is the truth and the alias its
mirror. Each promotion names the place it follows: of two that saw the same champion one wins, the
other is told. Each holds the hash of the one before, and the file refuses changes.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from features.errors import BrokenRecord, Conflict, NotReady
from features.sqlite_file import SqliteFile
from features.workspace import Workspace

Kind = Literal["promote", "rollback"]
_COLUMNS = (
    "target", "place", "kind", "version", "sha256", "run_id", "by", "at", "evidence", "previous",
    "hash",
)  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS promotions (
  target TEXT NOT NULL, place INTEGER NOT NULL, kind TEXT NOT NULL, version TEXT NOT NULL,
  sha256 TEXT NOT NULL, run_id TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL,
  evidence TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
  PRIMARY KEY (target, place));
CREATE TRIGGER IF NOT EXISTS promotions_stay BEFORE UPDATE ON promotions
  BEGIN SELECT RAISE(ABORT, 'a promotion is never changed'); END;
CREATE TRIGGER IF NOT EXISTS promotions_are_kept BEFORE DELETE ON promotions
  BEGIN SELECT RAISE(ABORT, 'a promotion is never deleted'); END;
"""
#: What the first promotion of a target follows.
NOTHING = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One change of champion.

    Attributes
    ----------
    place : 1, 2, .. within the target.
    version, sha256, run_id : the model that serves from then on.
    by, at : who said so, and when (UTC).
    evidence : the checks of the gate with their numbers, and what was compared.
    previous, hash : of the promotion before, and of this one.
    """

    target: str
    place: int
    kind: Kind
    version: str
    sha256: str
    run_id: str
    by: str
    at: str
    evidence: Mapping[str, Any]
    previous: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


class History:
    """The promotions of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Open them, or begin."""
        self._file_path = history_file(workspace)
        self._file_path.parent.mkdir(parents=True, exist_ok=True)
        self._file = SqliteFile(self._file_path, "history of promotions", _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def of(self, target: str) -> tuple[Promotion, ...]:
        """Return the promotions of a target, the oldest first.

        Raises
        ------
        BrokenRecord : one of them is not what was written, or one is missing.
        """
        rows = self._file.all(
            f"SELECT {', '.join(_COLUMNS)} FROM promotions WHERE target = ? ORDER BY place",
            (target,),
        )
        found = tuple(_promotion(row) for row in rows)
        self._require_unbroken(found)
        return found

    def append(
        self,
        kind: Kind,
        model: Mapping[str, str],
        *,
        after: int,
        by: str,
        evidence: Mapping[str, Any],
    ) -> Promotion:
        """Put a promotion behind the one its writer has seen.

        Parameters
        ----------
        model : target, version, sha256 and run_id.
        after : the place of the newest promotion when the evidence was gathered; 0 for none.

        Raises
        ------
        Conflict : another promotion came first; the message names the champion it made.
        """
        with self._file.writing() as connection:
            newest = self._newest(model["target"])
            if (newest.place if newest else 0) != after:
                raise _came_second(model, newest)
            bare = Promotion(
                **model, kind=kind, place=after + 1, by=by,
                at=datetime.now(UTC).isoformat(timespec="milliseconds"), evidence=evidence,
                previous=newest.hash if newest else NOTHING, hash="",
            )  # fmt: skip
            made = Promotion(**{**asdict(bare), "hash": _hash_of(bare)})
            _insert(connection, made)
        return made

    def _newest(self, target: str) -> Promotion | None:
        found = self.of(target)
        return found[-1] if found else None

    def _require_unbroken(self, found: tuple[Promotion, ...]) -> None:
        before = [NOTHING, *(one.hash for one in found)]
        for number, (one, previous) in enumerate(zip(found, before, strict=False), start=1):
            if (one.place, one.previous, one.hash) != (number, previous, _hash_of(one)):
                raise BrokenRecord(
                    f"{self._file_path.name}, promotion {number} of {one.target}",
                    "it was changed, or one before it is missing",
                    "the chain of promotions that Forestay wrote",
                    "keep the file for the auditor, and restore it from a backup",
                )


def history_file(workspace: Workspace) -> Path:
    """Return the file of the promotions."""
    return workspace.state / "models" / "promotions.sqlite"


@contextmanager
def open_history(workspace: Workspace) -> Iterator[History]:
    """Open the history for a while."""
    with closing(History(workspace)) as history:
        yield history


def stamp(workspace: Workspace) -> tuple[tuple[int, int], ...]:
    """Return what changes with every promotion: time and size of the file and of its log."""
    path = history_file(workspace)
    files = [path, path.with_name(f"{path.name}-wal")]
    stats = [one.stat() for one in files if one.exists()]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)


def promotions(workspace: Workspace, target: str) -> tuple[Promotion, ...]:
    """Return the promotions of a target, the oldest first; reading makes no file."""
    if not history_file(workspace).is_file():
        return ()
    with open_history(workspace) as history:
        return history.of(target)


def champion_of(workspace: Workspace, target: str) -> Promotion | None:
    """Return the promotion that made today's champion; None without one."""
    found = promotions(workspace, target)
    return found[-1] if found else None


def champions(workspace: Workspace) -> Mapping[str, Promotion]:
    """Return the promotion of the champion of each target that has one."""
    found = {target: champion_of(workspace, target) for target in workspace.targets}
    return {target: one for target, one in found.items() if one}


def newest_of_version(workspace: Workspace, target: str, version: str) -> Promotion:
    """Return the newest promotion of a version.

    Raises
    ------
    NotReady : it was never promoted.
    """
    for one in reversed(promotions(workspace, target)):
        if one.version == version:
            return one
    raise NotReady(
        f"models of {workspace.name}-{target}",
        f"version {version} was never promoted",
        "a version that served",
        "see `forestay models history`",
    )


def champion_before(found: tuple[Promotion, ...]) -> Promotion | None:
    """Return whom a rollback goes back to: the champion before, as if what came after never was.

    A promotion is laid upon those before, a rollback takes the uppermost away; so going back twice
    goes two champions back, and a model promoted again counts once.
    """
    laid: list[Promotion] = []
    for one in found:
        if one.kind == "rollback":
            laid.pop()
        elif not laid or laid[-1].run_id != one.run_id:
            laid.append(one)
    return laid[-2] if len(laid) > 1 else None


def _insert(connection: sqlite3.Connection, made: Promotion) -> None:
    values = {**asdict(made), "evidence": _canonical(made.evidence)}
    connection.execute(
        f"INSERT INTO promotions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",
        [values[name] for name in _COLUMNS],
    )


def _promotion(row: tuple[Any, ...]) -> Promotion:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Promotion(**{**values, "evidence": json.loads(values["evidence"])})


def _hash_of(one: Promotion) -> str:
    told = {name: value for name, value in asdict(one).items() if name != "hash"}
    return hashlib.sha256(_canonical(told).encode()).hexdigest()


def _canonical(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _came_second(model: Mapping[str, str], newest: Promotion | None) -> Conflict:
    now = f"version {newest.version}, promoted by {newest.by}" if newest else "none"
    return Conflict(
        f"promotion of {model['target']} version {model['version']}",
        f"another promotion came first: the champion is now {now}",
        "the champion that the evidence was gathered against",
        "look at it with `forestay models list`, and promote again if you still want to",
    )
