"""Small ledgers for tests, and every way to tamper with one behind its back."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.ledger import Ledger
from serving.ledger.block import block_of, leaves_of
from serving.ledger.canonical import canonical
from serving.ledger.merkle import leaf_hashes, root_of
from serving.ledger.signing import open_signer
from serving.ledger.sqlite_store import SqliteStore


def open_in(folder: Path, *, heads: bool = True) -> Ledger:
    """Open the ledger in a folder, its keys and copied heads beside it."""
    store = SqliteStore(folder / "ledger.sqlite")
    return Ledger(store, folder / "keys", folder / "heads" if heads else None, "tester")


def leaf(number: int, size: int = 40) -> bytes:
    """Make a leaf that is like no other."""
    draw = random.Random(number)  # noqa: S311 - bytes, no secret
    return draw.randbytes(32 + size)


def root_along(found: bytes, path: list[tuple[str, bytes]]) -> bytes:
    """Follow a leaf to the root by RFC 6962, 2.1.1."""
    found = hashlib.sha256(b"\0" + found).digest()
    for side, other in path:
        pair = other + found if side == "left" else found + other
        found = hashlib.sha256(b"\1" + pair).digest()
    return found


def write_ledger(folder: Path, entries: int = 30) -> Ledger:
    """Write entries of all kinds: notes, and up to twelve leaves on every third."""
    ledger = open_in(folder)
    for number in range(entries - 2):
        leaves = [leaf(100 * number + n) for n in range(number % 12 + 1)] if number % 3 else []
        ledger.append("note", {"number": number, "what": f"é {number / 7}"}, leaves)
        if number == entries // 2:
            ledger.rotate_signer()
    return ledger


@dataclass(frozen=True)
class Bad:
    """Where the first bad record is: the entry, and the leaf in it (-1: the entry itself)."""

    seq: int
    index: int = -1


class Tampering:
    """A copy of a ledger, open to whoever can write its file."""

    def __init__(self, source: Path, target: Path, seed: int) -> None:
        """Copy a folder of a ledger; chance decides what is done to it."""
        shutil.copytree(source, target)
        self.folder, self.draw = target, random.Random(seed)  # noqa: S311 - a choice, no secret
        self.database = sqlite3.connect(target / "ledger.sqlite", isolation_level=None)
        for pragma in ("journal_mode=DELETE", "synchronous=OFF"):
            self.database.execute(f"PRAGMA {pragma}")
        self.last = self.database.execute("SELECT max(seq) FROM entries").fetchone()[0]

    def close(self) -> None:
        """Leave the file as it is now."""
        self.database.close()

    def some(self, first: int = 1, last: int | None = None) -> int:
        """Choose an entry."""
        return self.draw.randint(first, last or self.last)

    def with_leaves(self, least: int = 1) -> tuple[int, list[bytes]]:
        """Choose an entry that has so many leaves."""
        rows = self.database.execute("SELECT seq, content FROM blocks ORDER BY seq").fetchall()
        some = [(seq, leaves) for seq, block in rows if len(leaves := leaves_of(block)) >= least]
        return self.draw.choice(some)

    def put_leaves(self, seq: int, leaves: list[bytes]) -> None:
        """Write other leaves, their index too."""
        self.database.execute(
            "UPDATE blocks SET content = ? WHERE seq = ?", (block_of(leaves), seq)
        )

    def edit(self) -> Bad:
        """Change a byte of an entry, or of one leaf."""
        if self.draw.random() < 0.5:
            seq = self.some()
            content = self._content(seq)
            place = self.draw.randrange(len(content))
            self._put(seq, _flipped(content, place, self.draw))
            return Bad(seq)
        seq, leaves = self.with_leaves()
        index = self.draw.randrange(len(leaves))
        place = self.draw.randrange(len(leaves[index]))
        leaves[index] = _flipped(leaves[index], place, self.draw)
        self.put_leaves(seq, leaves)
        return Bad(seq, index)

    def delete(self) -> Bad:
        """Take away an entry in the middle, later ones moving up or not, or one leaf."""
        if self.draw.random() < 0.5:
            seq = self.some(2, self.last - 1)
            self._delete(seq)
            if self.draw.random() < 0.5:
                for table in ("blocks", "places"):
                    self.database.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))
                self._shift(seq + 1, -1)
            return Bad(seq)
        seq, leaves = self.with_leaves(2)
        index = self.draw.randrange(len(leaves))
        del leaves[index]
        self.put_leaves(seq, leaves)
        return Bad(seq, index)

    def insert(self) -> Bad:
        """Put in an entry, or a leaf."""
        if self.draw.random() < 0.5:
            seq = self.some(2)
            forged = self._forged(seq, self._row(seq - 1))
            self._shift(seq, 1)
            self.database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", forged)
            return Bad(seq)
        seq, leaves = self.with_leaves()
        index = self.draw.randint(0, len(leaves))
        leaves.insert(index, leaf(self.draw.randrange(10**9, 10**10)))
        self.put_leaves(seq, leaves)
        return Bad(seq, index)

    def reorder(self) -> Bad:
        """Exchange two entries, or two leaves."""
        if self.draw.random() < 0.5:
            one, other = sorted(self.draw.sample(range(2, self.last + 1), 2))
            rows = self._row(one), self._row(other)
            for seq, row in ((one, rows[1]), (other, rows[0])):
                self._delete(seq)
                self.database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (seq, *row[1:]))
            return Bad(one)
        seq, leaves = self.with_leaves(2)
        one, other = sorted(self.draw.sample(range(len(leaves)), 2))
        leaves[one], leaves[other] = leaves[other], leaves[one]
        self.put_leaves(seq, leaves)
        return Bad(seq, one)

    def truncate(self) -> Bad:
        """Cut off a tail, its records with it."""
        seq = self.some(2)
        for table in ("entries", "blocks", "places"):
            self.database.execute(f"DELETE FROM {table} WHERE seq >= ?", (seq,))
        return Bad(seq)

    def rewrite(self) -> Bad:
        """Write everything anew from one entry on, all hashes right, as one who has the key can."""
        seq, has_key = self.some(2), self.draw.random() < 0.5
        changed = self._leaves_changed(seq)
        before = _hash(self._content(seq - 1))
        for number in range(seq, self.last + 1):
            said = json.loads(self._content(number))
            said["previous"] = before
            if number == seq:
                said["actor"] = "nobody"
                if changed:
                    said["leaves"] |= changed
            content = canonical(said)
            before = _hash(content)
            self._put(number, content)
            if has_key:
                self._sign(number, before)
        return Bad(seq)

    def _leaves_changed(self, seq: int) -> dict | None:
        found = self.database.execute("SELECT content FROM blocks WHERE seq = ?", (seq,)).fetchone()
        if found is None:
            return None
        leaves = leaves_of(found[0])
        leaves[0] = leaves[0][:32] + os.urandom(40)
        self.put_leaves(seq, leaves)
        hashes = leaf_hashes(leaves)
        marks = b"".join(one[:8] for one in hashes)
        return {"root": root_of(hashes).hex(), "marks": b64encode(marks).decode()}

    def _sign(self, seq: int, entry_hash: str) -> None:
        number = self._row(seq)[3]
        signature = open_signer(self.folder / "keys", number).sign(entry_hash)
        self.database.execute("UPDATE entries SET signature = ? WHERE seq = ?", (signature, seq))

    def _row(self, seq: int) -> tuple:
        return self.database.execute("SELECT * FROM entries WHERE seq = ?", (seq,)).fetchone()

    def _content(self, seq: int) -> bytes:
        return self._row(seq)[2]

    def _put(self, seq: int, content: bytes) -> None:
        self.database.execute("UPDATE entries SET content = ? WHERE seq = ?", (content, seq))

    def _delete(self, seq: int) -> None:
        self.database.execute("DELETE FROM entries WHERE seq = ?", (seq,))

    def _shift(self, first: int, by: int) -> None:
        """Move entries and their records, far away first so that no number is taken."""
        for table in ("entries", "blocks", "places"):
            far = "UPDATE {} SET seq = seq + 1000000 WHERE seq >= ?"
            self.database.execute(far.format(table), (first,))
            back = "UPDATE {} SET seq = seq - 1000000 + ? WHERE seq >= 1000000"
            self.database.execute(back.format(table), (by,))

    def _forged(self, seq: int, before: tuple) -> tuple:
        said = json.loads(before[2])
        said |= {"seq": seq, "previous": _hash(before[2]), "kind": "note", "leaves": None}
        said["body"] = {"forged": True}
        return (seq, "note", canonical(said), before[3], before[4])


KINDS: dict[str, Callable[[Tampering], Bad]] = {
    name: getattr(Tampering, name)
    for name in ("edit", "delete", "insert", "reorder", "truncate", "rewrite")
}


def _flipped(content: bytes, place: int, draw: random.Random) -> bytes:
    changed = content[place] ^ (1 << draw.randrange(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
