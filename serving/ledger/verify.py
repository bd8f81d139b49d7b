"""The whole ledger walked through: what was changed, where first, and what this could prove.

One entry and its block are in memory at a time. Nothing found here is repaired.
"""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from features.errors import ForestayError
from features.progress import SILENT, Progress, Step
from serving.ledger.block import leaves_of
from serving.ledger.entry import MARK, Entry, ledger_of, read_entry
from serving.ledger.heads import CopiedHeads, Head
from serving.ledger.ledger import EXPIRED, OPENED, SIGNING_KEY, Ledger
from serving.ledger.merkle import leaf_hashes, root_of
from serving.ledger.signing import is_signed
from serving.ledger.store import Row


@dataclass(frozen=True, kw_only=True, order=True)
class Fault:
    """One thing that is not as it was written: the entry, and the record in it (-1: itself)."""

    seq: int
    index: int = -1
    problem: str

    @property
    def where(self) -> str:
        """Name the place."""
        return f"entry {self.seq}" + (f", record {self.index}" if self.index >= 0 else "")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found.

    Attributes
    ----------
    entries, records : walked through.
    faults : in order; the first names the first bad record.
    proven, not_proven : in words, what this does and does not show.
    """

    entries: int
    records: int
    faults: tuple[Fault, ...]
    proven: tuple[str, ...]
    not_proven: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


def verify(ledger: Ledger, *, progress: Progress = SILENT) -> Verification:
    """Find any edit, removal, insertion, reordering, cut tail or rewriting.

    Cut tails, and rewriting by whoever holds the signing key, show only against copied heads.
    """
    walk = _Walk(ledger=ledger, copies=_copies(ledger))
    last = walk.newest()
    with progress.step("Verifying the ledger", total=last) as step:
        walk.through(step)
    return walk.told()


def _copies(ledger: Ledger) -> CopiedHeads | None:
    try:
        return ledger.copies
    except (ForestayError, StopIteration):  # no entry can be read: it is told as the first fault
        return None


@dataclass(kw_only=True)
class _Walk:
    """What is known after the entries passed so far."""

    ledger: Ledger
    copies: CopiedHeads | None
    faults: list[Fault] = field(default_factory=list)
    passed: int = 0
    records: int = 0
    previous: str | None = None
    name: str | None = None
    signer: int = 1
    keys: dict[int, str] = field(default_factory=dict)
    heads: dict[int, Head] = field(default_factory=dict)
    without_block: dict[int, int] = field(default_factory=dict)
    expired: set[int] = field(default_factory=set)

    def newest(self) -> int:
        """Return how far there is to go."""
        try:
            row = self.ledger.store.last()
        except ForestayError:
            return 0
        return row.seq if row else 0

    def through(self, step: Step) -> None:
        """Go through everything; a database that breaks on the way is a fault itself."""
        self.keys[1] = self._trusted()
        self._read_heads()
        try:
            for row in self.ledger.store.rows(0, ()):
                self._entry(row)
                step.advance()
            self._blocks_without_entry()
        except ForestayError as error:
            self._bad(self.passed + 1, error.problem)
        # Behind a broken link nobody knows what an entry said of expired records.
        for seq in sorted(set(self.without_block) - self.expired) if not self.faults else ():
            self._bad(seq, "its records are gone, and no later entry says that their time was over")
        self._cut_tail()

    def told(self) -> Verification:
        """Say what was found and what it proves."""
        proven = [
            "every entry is signed, holds the one before it, and has its records unchanged",
            "nothing between the first and the last entry was edited, removed, added or moved",
        ]
        unproven = []
        if self.heads:
            reach = max(self.heads)
            proven.append(f"nothing up to entry {reach} was cut off or rewritten: heads copied to")
            proven[-1] += f" {self.copies.path.parent if self.copies else ''} agree"
            if reach < self.passed:
                unproven.append(f"entries after {reach} have no copied head yet")
        else:
            unproven.append(
                "that no tail was cut off and nothing rewritten by whoever holds the signing key:"
                " no heads are copied elsewhere (`ledger: copy_heads_to:` in forestay.yaml)"
            )
        if self.expired:
            unproven.append(f"what {len(self.expired)} expired entries held; their roots are kept")
        return Verification(
            entries=self.passed,
            records=self.records,
            faults=tuple(sorted(self.faults)[:100]),
            proven=() if self.faults else tuple(proven),
            not_proven=tuple(unproven),
        )

    def _bad(self, seq: int, problem: str, index: int = -1) -> None:
        self.faults.append(Fault(seq=seq, index=index, problem=problem))

    def _trusted(self) -> str:
        """Return the first public key, from as far away from the ledger as there is one."""
        copied = self.copies.first_key() if self.copies else None
        try:
            return copied or self.ledger.kept_key or self.ledger.first_key
        except ForestayError:  # the first entry is gone or damaged, which is told in its place
            return ""

    def _read_heads(self) -> None:
        for head in self.copies or ():
            known = self.heads.setdefault(head.seq, head)
            if known.hash != head.hash:
                self._bad(head.seq, "two different heads of it were copied: there were two ledgers")
        if self.copies and not self.heads and self.copies.of_same_key(self.keys[1]):
            self._bad(1, "heads of another ledger with the same key were copied: it was replaced")

    def _entry(self, row: Row) -> None:
        if row.seq > self.passed + 1:
            gone = row.seq - self.passed - 1
            self._bad(self.passed + 1, f"{gone} entries are missing before entry {row.seq}")
        self.passed = row.seq
        try:
            entry = read_entry(row.content)
        except ForestayError as error:
            self._bad(row.seq, error.problem)
            return
        problem = next(self._problems(row, entry), None)
        self.previous, self.name = entry.hash, self.name or ledger_of(entry)
        if problem:
            self._bad(row.seq, problem)
        elif entry.kind in (OPENED, SIGNING_KEY):
            self.signer = int(entry.body["number"])
            self.keys.setdefault(self.signer, str(entry.body["public"]))
        elif entry.kind == EXPIRED:
            self.expired |= set(entry.body["entries"])
        if entry.leaves is not None:
            self._leaves(entry)

    def _problems(self, row: Row, entry: Entry) -> Iterator[str]:
        if entry.seq != row.seq:
            yield f"it says that it is entry {entry.seq}"
        if not isinstance(row.signature, bytes) or not is_signed(
            self.keys.get(row.signer, ""), entry.hash, row.signature
        ):
            yield "it was changed: its signature is not one of the ledger's key"
        if row.signer != self.signer:
            yield f"it is signed by key {row.signer} where key {self.signer} signs"
        if entry.previous != self.previous:
            yield "it does not follow the entry before it"
        if self.name not in (None, ledger_of(entry)):
            yield "it belongs to another ledger"
        if entry.kind != row.kind:
            yield f"it is kept as `{row.kind}`, and is `{entry.kind}`"
        head = self.heads.get(row.seq)
        if head and head.hash != entry.hash:
            yield "it was rewritten: the head that was copied is another"

    def _leaves(self, entry: Entry) -> None:
        said = entry.leaves or {}
        count = int(said["count"])
        block = self.ledger.store.block(entry.seq)
        if block is None:
            self.without_block[entry.seq] = count
            return
        self.records += count
        try:
            hashes = leaf_hashes(leaves_of(block))
        except ForestayError as error:
            self._bad(entry.seq, f"its records cannot be read: {error.problem}", 0)
            return
        if root_of(hashes).hex() != said["root"]:
            first = _first_other(hashes, b64decode(said["marks"]))
            problem = "it was changed, removed, added or moved"
            self._bad(entry.seq, problem, first)
        elif self.ledger.store.placed(entry.seq) < 2 * count:
            self._bad(entry.seq, "the index does not find all of its records", count)

    def _blocks_without_entry(self) -> None:
        for seq in self.ledger.store.block_seqs():
            row = self.ledger.store.row(seq)
            if seq in self.expired:
                self._bad(seq, "its records are there, though an entry says that they were deleted")
            elif row is None or read_entry(row.content).leaves is None:
                self._bad(seq, "there are records that no entry knows")

    def _cut_tail(self) -> None:
        reach = max(self.heads, default=0)
        if reach > self.passed:
            gone = reach - self.passed
            self._bad(self.passed + 1, f"{gone} entries were cut off: their heads were copied")


def _first_other(hashes: list[bytes], marks: bytes) -> int:
    """Return the place of the first leaf that is not the one the entry was made with."""
    expected = [marks[n : n + MARK] for n in range(0, len(marks), MARK)]
    pairs = zip(hashes, expected, strict=False)
    same = (found[:MARK] == mark for found, mark in pairs)
    return next((n for n, equal in enumerate(same) if not equal), min(len(hashes), len(expected)))
