"""One entry of the chain: what it holds, and how it is written and read.

To raise `FORMAT`: write the new number here and what changed in `docs/ledger/format.md`; let
`read_entry` go on reading every older one; teach `docs/ledger/verify_ledger.py` the new one; put a
ledger that the old version wrote into `tests/serving/ledgers/`, where a test verifies and replays
each of them; only then write entries of the new format.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from features.errors import BrokenRecord
from serving.ledger.canonical import canonical, sha256
from serving.ledger.merkle import leaf_hashes, root_of

FORMAT = 1
#: First bytes of a leaf's hash that its entry keeps, so that a changed leaf can be named.
MARK = 8
#: Bytes of a root.
ROOT = 32


@dataclass(frozen=True, order=True)
class Place:
    """Where a record stands: the entry, and its place among the entry's leaves from 0."""

    seq: int
    index: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One link of the chain.

    Attributes
    ----------
    seq : 1 for the first; order is by this only, for clocks jump.
    at : what the clock said.
    leaves : count, root and marks of its leaves; None without any.
    previous : hash of the entry before, in hex; None for the first.
    hash : SHA-256 of `content`, in hex.
    content : the bytes that are hashed and signed.
    """

    seq: int
    kind: str
    at: datetime
    actor: str
    body: Mapping[str, Any]
    leaves: Mapping[str, Any] | None
    previous: str | None
    hash: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an entry is to say."""

    ledger: str
    actor: str
    kind: str
    body: Mapping[str, Any]


def make_entry(told: Told, seq: int, previous: str | None, leaves: Sequence[bytes]) -> Entry:
    """Make the next entry of a chain."""
    content = canonical(
        {
            "format": FORMAT,
            "ledger": told.ledger,
            "seq": seq,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "actor": told.actor,
            "kind": told.kind,
            "body": told.body,
            "previous": previous,
            "leaves": summary_of(leaves) if leaves else None,
        }
    )
    return read_entry(content)


def summary_of(leaves: Sequence[bytes]) -> dict[str, Any]:
    """Return what an entry keeps of its leaves."""
    hashes = leaf_hashes(leaves)
    marks = b"".join(found[:MARK] for found in hashes)
    return {
        "count": len(leaves),
        "root": root_of(hashes).hex(),
        "marks": b64encode(marks).decode(),
    }


def read_entry(content: bytes) -> Entry:
    """Read an entry from its bytes.

    Raises
    ------
    BrokenRecord : these bytes are no entry, or one of a newer format.
    """
    try:
        said = json.loads(content)
        if said["format"] != FORMAT:
            raise _broken(f"its format is {said['format']}")
        return Entry(
            seq=int(said["seq"]),
            kind=str(said["kind"]),
            at=datetime.fromisoformat(said["at"]),
            actor=str(said["actor"]),
            body=dict(said["body"]),
            leaves=None if said["leaves"] is None else _summary(said["leaves"]),
            previous=said["previous"],
            hash=sha256(content).hex(),
            content=content,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _broken("it cannot be read") from error


def _summary(said: Mapping[str, Any]) -> dict[str, Any]:
    count, root, marks = int(said["count"]), said["root"], said["marks"]
    if len(bytes.fromhex(root)) != ROOT or len(b64decode(marks, validate=True)) != count * MARK:
        raise ValueError(root)
    return {"count": count, "root": root, "marks": marks}


def ledger_of(entry: Entry) -> str:
    """Return which ledger an entry belongs to."""
    return str(json.loads(entry.content)["ledger"])


def _broken(problem: str) -> BrokenRecord:
    return BrokenRecord(
        "entry of a ledger",
        problem,
        f"an entry of format {FORMAT} or older, as Forestay wrote it",
        "run `forestay audit verify`; if the ledger is newer, use the version that wrote it",
    )
