"""Signed heads copied elsewhere: with them a cut tail and a rewritten ledger are seen.

One file a ledger, `<ledger>.heads.jsonl`, one line an entry; beside it `<ledger>.pub`, the first
public key. Where the folder cannot be written, recording goes on and the heads are copied later.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from serving.ledger.entry import read_entry
from serving.ledger.store import Row, Store


class Head(NamedTuple):
    """What is copied of one entry."""

    seq: int
    hash: str
    signer: int
    signature: str


class CopiedHeads:
    """The copies of one ledger's heads in a folder."""

    def __init__(self, folder: Path, ledger: str) -> None:
        """Name the files; nothing is opened yet."""
        self.path = folder / f"{ledger}.heads.jsonl"
        self.key = folder / f"{ledger}.pub"

    def catch_up(self, store: Store, public: str) -> bool:
        """Copy every head that is not there yet; return False where that is impossible now."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.key.exists():
                self.key.write_text(public + "\n", encoding="ascii")
            with self.path.open("ab") as file:
                if not self._ends_whole():
                    file.write(b"\n")
                for row in store.rows(self.last_seq(), ()):
                    file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return False
        return True

    def last_seq(self) -> int:
        """Return the newest entry copied; 0 for none near the end, and then all are copied again.

        A line that a kill cut off is passed over; a head that is copied twice does no harm.
        """
        return max((head.seq for head in _heads(self._tail().splitlines())), default=0)

    def _ends_whole(self) -> bool:
        tail = self._tail()
        return not tail or tail.endswith(b"\n")

    def _tail(self) -> bytes:
        if not self.path.is_file():
            return b""
        with self.path.open("rb") as file:
            file.seek(max(self.path.stat().st_size - 4096, 0))
            return file.read()

    def first_key(self) -> str | None:
        """Return the first public key, where it was copied."""
        return self.key.read_text("ascii").strip() if self.key.is_file() else None

    def of_same_key(self, public: str) -> bool:
        """Tell whether heads of another ledger with this first key are there."""
        others = (path for path in self.key.parent.glob("*.pub") if path != self.key)
        return any(path.read_text("ascii").strip() == public for path in others)

    def __iter__(self) -> Iterator[Head]:
        """Read the heads; a damaged line is passed over, the heads after it still count."""
        if self.path.is_file():
            with self.path.open("rb") as file:
                yield from _heads(file)


def _heads(lines: Iterable[bytes]) -> Iterator[Head]:
    for line in lines:
        try:
            yield Head(**json.loads(line))
        except (ValueError, TypeError):
            continue


def _line(row: Row) -> bytes:
    entry = read_entry(row.content)
    head = Head(row.seq, entry.hash, row.signer, row.signature.hex())
    return json.dumps(head._asdict()).encode() + b"\n"
