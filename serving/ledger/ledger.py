"""The chain: entries that hold each other by hash, each signed, some with sealed records.

Knows nothing of customers, models or decisions. What `append` has returned is durable.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from features.errors import BrokenRecord, Conflict, NotReady
from features.workspace import Workspace
from serving.ledger.block import ID, MOST, block_of, leaves_of
from serving.ledger.entry import Entry, Place, Told, ledger_of, make_entry, read_entry
from serving.ledger.heads import CopiedHeads
from serving.ledger.signing import (
    Signer,
    make_signer,
    open_signer,
    public_file,
    publish_key,
)
from serving.ledger.store import Row, Store, Writing

OPENED, SIGNING_KEY, EXPIRED = "opened", "signing_key", "expired"


class Ledger:
    """One ledger, open for reading and appending."""

    def __init__(self, store: Store, keys: Path, copies: Path | None, actor: str) -> None:
        """Open it; the first time, make its key and its first entry."""
        self.store, self._keys, self._copies, self.actor = store, keys, copies, actor
        self._signers: dict[int, Signer] = {}
        if store.last() is None:
            self._begin()

    @cached_property
    def id(self) -> str:
        """Name of the ledger, as its first entry has it."""
        return ledger_of(next(self.entries()))

    @property
    def first_key(self) -> str:
        """The first public key, as the ledger itself names it."""
        return str(self.entry(1).body.get("public", ""))

    def append(self, kind: str, body: Mapping[str, Any], leaves: Sequence[bytes] = ()) -> Entry:
        """Append one entry; all of it is durable when this returns, or nothing of it is there.

        Parameters
        ----------
        body : plain data.
        leaves : at most 1,000, each a record id and a pseudonym (16 bytes each) and what is sealed.

        Raises
        ------
        Unavailable : the store or the signing key cannot be reached.
        """
        if len(leaves) > MOST:
            raise ValueError(f"an entry holds at most {MOST} leaves")
        return self._written(kind, body, leaves, ())

    def expire(self, seqs: Sequence[int], body: Mapping[str, Any]) -> Entry:
        """Delete the records of some entries, and say so, in one transaction."""
        return self._written(EXPIRED, {**body, "entries": list(seqs)}, (), seqs)

    def entries(self, *kinds: str, after: int = 0) -> Iterator[Entry]:
        """Read entries, oldest first; of some kinds only, where any is named."""
        for row in self.store.rows(after, kinds):
            yield read_entry(row.content)

    def entry(self, seq: int) -> Entry:
        """Read one entry.

        Raises
        ------
        NotReady : there is none of that number.
        """
        row = self.store.row(seq)
        if row is None:
            raise NotReady(
                f"ledger, entry {seq}", "there is none", "the number of an entry", "look again"
            )
        return read_entry(row.content)

    def leaves(self, seq: int) -> list[bytes] | None:
        """Read the leaves of an entry; None where their time is over."""
        block = self.store.block(seq)
        return None if block is None else leaves_of(block)

    def places(self, ids: Sequence[bytes]) -> dict[bytes, list[Place]]:
        """Find records by their id, or all of a customer by pseudonym; oldest first."""
        wanted = {_short(one): one for one in ids}
        found: dict[bytes, list[Place]] = {}
        for short, seq, place in self.store.places(list(wanted)):
            found.setdefault(wanted[short], []).append(Place(seq, place))
        return found

    def rotate_signer(self) -> int:
        """Announce a new signing key, signed by the one that held until now."""
        with self.store.writing() as writing:
            last = writing.last()
            number = self._number(last) + 1
            signer = make_signer(self._keys, number)
            told = {"number": number, "public": signer.public}
            self._put(writing, last, SIGNING_KEY, (told, (), ()))
        publish_key(self._keys, signer)
        self._copy()
        return number

    @property
    def copies(self) -> CopiedHeads | None:
        """The heads copied elsewhere; None where no folder is named."""
        return CopiedHeads(self._copies, self.id) if self._copies else None

    @property
    def kept_key(self) -> str | None:
        """The first public key as it lies among the keys; None where it is not there."""
        path = public_file(self._keys, 1)
        return path.read_text("ascii").strip() if path.is_file() else None

    def _begin(self) -> None:
        with self.store.writing() as writing:
            if writing.last() is not None:  # another process was first
                return
            signer = make_signer(self._keys, 1)
            told = Told(
                ledger=str(uuid.uuid4()),
                actor=self.actor,
                kind=OPENED,
                body={"number": 1, "public": signer.public},
            )
            self._sign(writing, make_entry(told, 1, None, ()), signer, ())
        publish_key(self._keys, signer)

    def _written(
        self, kind: str, body: Mapping[str, Any], leaves: Sequence[bytes], expired: Sequence[int]
    ) -> Entry:
        with self.store.writing() as writing:
            entry = self._put(writing, writing.last(), kind, (body, leaves, expired))
        self._copy()
        return entry

    def _put(
        self,
        writing: Writing,
        last: Row | None,
        kind: str,
        what: tuple[Mapping[str, Any], Sequence[bytes], Sequence[int]],
    ) -> Entry:
        body, leaves, expired = what
        if last is None:
            raise BrokenRecord(
                "ledger", "its entries are gone", "at least the first", "restore it from a backup"
            )
        before = read_entry(last.content)
        told = Told(ledger=ledger_of(before), actor=self.actor, kind=kind, body=body)
        entry = make_entry(told, last.seq + 1, before.hash, leaves)
        self._sign(writing, entry, self._signer(self._number(last)), leaves)
        writing.drop_blocks(expired)
        return entry

    def _sign(
        self, writing: Writing, entry: Entry, signer: Signer, leaves: Sequence[bytes]
    ) -> None:
        signature = signer.sign(entry.hash)
        row = Row(entry.seq, entry.kind, entry.content, signer.number, signature)
        ids = [
            (_short(leaf[start : start + ID]), place)
            for place, leaf in enumerate(leaves)
            for start in (0, ID)
        ]
        writing.put(row, block_of(leaves) if leaves else None, ids)

    def _number(self, last: Row | None) -> int:
        """Return the number of the key that signs after an entry."""
        if last is None:
            return 0
        announced = read_entry(last.content)
        return int(announced.body["number"]) if last.kind == SIGNING_KEY else last.signer

    def _signer(self, number: int) -> Signer:
        if number not in self._signers:
            signer = open_signer(self._keys, number)
            announced = self.entries(OPENED, SIGNING_KEY)
            if all(signer.public != entry.body["public"] for entry in announced):
                raise Conflict(
                    "ledger",
                    f"the key signing-{number}.pem is not one of its own",
                    "the folder of keys that was made with this ledger",
                    "name it in forestay.yaml (`ledger: keys:`); two workspaces of one name must"
                    " not share a database",
                )
            self._signers[number] = signer
        return self._signers[number]

    def _copy(self) -> None:
        if copies := self.copies:
            copies.catch_up(self.store, self.first_key)


def open_ledger(workspace: Workspace, *, actor: str) -> Ledger:
    """Open the ledger of a workspace, or make it.

    Parameters
    ----------
    actor : who acts; each entry names it.

    Raises
    ------
    Unavailable : the database or the keys cannot be reached. BrokenRecord : it is damaged.
    """
    keys, copies = workspace.ledger_keys, workspace.ledger.copy_heads_to
    return Ledger(open_store(workspace), keys, copies, actor)


def existing_ledger(workspace: Workspace, *, actor: str) -> Ledger:
    """Open a ledger to read from it; none is made where there is none.

    Raises
    ------
    NotReady : nothing was ever put on record. BrokenRecord : it is damaged, or gone while its keys
        are there.
    """
    has_signed = public_file(workspace.ledger_keys, 1).exists()
    is_there = workspace.ledger.store is not None or workspace.ledger_file.is_file()
    if not has_signed and (not is_there or open_store(workspace).last() is None):
        raise NotReady(
            f"ledger of {workspace.name}",
            "nothing was put on record yet",
            "a night that was decided",
            "run `forestay nightly`",
        )
    return open_ledger(workspace, actor=actor)


def open_store(workspace: Workspace) -> Store:
    """Open the database of a workspace's ledger."""
    if workspace.ledger.store is None:
        from serving.ledger.sqlite_store import SqliteStore

        return SqliteStore(workspace.ledger_file)
    from features.settings import resolve_uri
    from serving.ledger.postgresql_store import PostgresqlStore

    return PostgresqlStore(resolve_uri(workspace.ledger.store, workspace), workspace.name)


def _short(found: bytes) -> int:
    """Return the first bytes of an id as databases index them."""
    return int.from_bytes(found[:8], "big", signed=True)
