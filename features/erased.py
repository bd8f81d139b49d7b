"""People who were erased, as keyed hashes of their ids: ingest must not let them in again.

The hashes lie in the workspace's state, their key with the keys: neither says who it was. The same
hash is computed in DuckDB over the distinct ids of an ingest, and only where somebody was erased.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from features.errors import BrokenRecord
from features.key_files import read_key, write_key
from features.whole import write_json
from features.workspace import Workspace

_FILE, _KEY = "erased.json", "erased.key"


@dataclass(frozen=True)
class ErasedPeople:
    """Hashes of ids, and the key they were made with."""

    hashes: frozenset[str]
    key: str

    def hash_of(self, customer_id: str) -> str:
        """Return the keyed hash of an id.

        >>> ErasedPeople(frozenset(), "k").hash_of("12346")[:8]
        '32b025cb'
        """
        return hashlib.sha256(f"{self.key}:{customer_id}".encode()).hexdigest()

    def sql(self, column: str) -> str:
        """Return the same as SQL over a text column."""
        return f"sha256('{self.key}:' || {column})"


def erased_people(workspace: Workspace) -> ErasedPeople | None:
    """Read who was erased; None where nobody was.

    Raises
    ------
    BrokenRecord : the list is damaged. Unavailable : its key is gone: ingesting could bring erased
        people back.
    """
    path = _file(workspace)
    if not path.is_file():
        return None
    try:
        hashes = frozenset(json.loads(path.read_text("utf-8"))["hashes"])
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenRecord(
            f".forestay/{_FILE}",
            "it does not say who was erased",
            "the list that `forestay audit erase` wrote",
            "restore it from a backup: without it erased people could come back",
        ) from error
    return ErasedPeople(hashes, read_key(workspace.ledger_keys / _KEY).hex())


def remember_erased(workspace: Workspace, ids: Iterable[str]) -> None:
    """Add people to those who are not let in again."""
    key = workspace.ledger_keys / _KEY
    if not key.exists():
        write_key(key, os.urandom(32))
    known = erased_people(workspace) or ErasedPeople(frozenset(), read_key(key).hex())
    hashes = sorted(known.hashes | {known.hash_of(one) for one in ids})
    write_json(_file(workspace), {"hashes": hashes})


def _file(workspace: Workspace) -> Path:
    # Where the user's own data are: a rehearsal elsewhere must refuse the same people.
    return workspace.folder / ".forestay" / _FILE
