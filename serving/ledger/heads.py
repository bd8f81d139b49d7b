"""Signed heads copied elsewhere: with them a cut tail and a rewritten ledger are seen.

One file a ledger, `<ledger>.heads.jsonl`, one line an entry; beside it `<ledger>.pub`, the first
public key. Where the folder cannot be written, recording goes on and the heads are copied later.
"""

import json
import os
from collections.abc import Iterator
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
                after = self.last_seq()
                if file.tell() and after < 0:
                    return False
                for row in store.rows(max(after, 0), ()):
                    file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return False
        return True

    def last_seq(self) -> int:
        """Return the newest entry copied; 0 for none, -1 where the end of the file is damaged."""
        if not self.path.is_file() or not self.path.stat().st_size:
            return 0
        with self.path.open("rb") as file:
            file.seek(max(self.path.stat().st_size - 4096, 0))
            tail = file.read().splitlines(keepends=True)[-1]
        try:
            return int(json.loads(tail)["seq"]) if tail.endswith(b"\n") else -1
        except (ValueError, KeyError, TypeError):
            return -1

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
                for line in file:
                    try:
                        yield Head(**json.loads(line))
                    except (ValueError, TypeError):
                        continue


def _line(row: Row) -> bytes:
    entry = read_entry(row.content)
    head = Head(row.seq, entry.hash, row.signer, row.signature.hex())
    return json.dumps(head._asdict()).encode() + b"\n"
