"""What a ledger needs of the database it is kept in: rows in, rows out, one writer at a time.

Two databases offer it: `sqlite_store` (a file, the default) and `postgresql_store` (by setting).
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Row(NamedTuple):
    """An entry as it is stored; kind stands outside the signed content, to find entries by."""

    seq: int
    kind: str
    content: bytes
    signer: int
    signature: bytes


class Writing(Protocol):
    """One transaction of the only writer; all of it is durable afterwards, or nothing is there."""

    def last(self) -> Row | None:
        """Return the newest entry."""

    def put(self, row: Row, block: bytes | None, ids: Sequence[tuple[int, int]]) -> None:
        """Add an entry, its block, and where ids stand: (first bytes of the id, place)."""

    def drop_blocks(self, seqs: Sequence[int]) -> None:
        """Delete the blocks of some entries, and where their ids stood."""


class Store(Protocol):
    """Rows of one ledger."""

    def writing(self) -> AbstractContextManager[Writing]:
        """Wait for other writers and begin a transaction; `Unavailable` where none can begin."""

    def last(self) -> Row | None:
        """Return the newest entry."""

    def rows(self, after: int, kinds: Sequence[str]) -> Iterator[Row]:
        """Read entries in order, all kinds where none is named."""

    def row(self, seq: int) -> Row | None:
        """Read one entry."""

    def block(self, seq: int) -> bytes | None:
        """Read the block of an entry; None without one."""

    def block_seqs(self) -> Iterator[int]:
        """Name the entries that have a block, in order."""

    def places(self, ids: Sequence[int]) -> list[tuple[int, int, int]]:
        """Return (first bytes of the id, entry, place) of some ids."""

    def placed(self, seq: int) -> int:
        """Count the ids that are kept of an entry."""
