"""Records out of the ledger: found by decision, customer or night, unsealed, and taken apart.

Whoever is erased or whose records are past their time is named as such; the rest is read.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from features.catalogue import Catalogue
from features.errors import NotReady
from features.workspace import Workspace
from proactive_rules.policy.columns import Columns
from proactive_rules.policy.file import read_policy
from proactive_rules.policy.records import Policy
from serving.audit.environment import actor
from serving.audit.night_entry import catalogue_of, text_of
from serving.audit.packed import Layout, layout_from_data, unpack
from serving.audit.record import Parts, parts_of
from serving.audit.recording import DECISIONS, RECORDED
from serving.keyring import Erased, Keyring, open_keyring
from serving.ledger import Entry, Ledger, Place, existing_ledger

_ID = 16


@dataclass(frozen=True, kw_only=True)
class RecordedNight:
    """What all decisions of a recorded night share."""

    ledger: Ledger
    entry: Entry

    @property
    def body(self) -> dict[str, Any]:
        """The entry that opened the night's record.

        That of a decision between the nights says what is its own; the rest is its night's.
        """
        own = dict(self.entry.body)
        return {**self.ledger.entry(own["like"]).body, **own} if "like" in own else own

    @property
    def as_of(self) -> date:
        """The date decided for."""
        return date.fromisoformat(self.body["as_of"])

    @property
    def instant(self) -> datetime:
        """The instant decided for."""
        return datetime.fromisoformat(self.body["instant"])

    @property
    def count(self) -> int:
        """How many decisions it has."""
        return sum(one["count"] for one in self.body["counts"])

    @cached_property
    def layout(self) -> Layout:
        """How its records are written."""
        return layout_from_data(json.loads(self.text("layout")))

    @cached_property
    def catalogue(self) -> Catalogue:
        """Its features, as far as words need them."""
        return catalogue_of(self.text("catalogue"))

    @cached_property
    def policy(self) -> Policy:
        """The policy it decided under."""
        names = frozenset(name for name, _ in self.layout.columns)
        read = frozenset(name.partition(":")[2] or name for name in names)
        columns = Columns(numbers=read, texts=read, typed=False)
        return read_policy(self.text("policy").encode(), columns=columns)

    def text(self, name: str) -> str:
        """Return one of its texts."""
        return text_of(self.ledger, self.body["texts"][name])

    def parts(self, payloads: Sequence[bytes]) -> Parts:
        """Take unsealed records apart."""
        return parts_of(unpack(payloads, self.layout), self.body["format"])


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A record that cannot be read: `erased` (on a day), `expired` or `unknown`."""

    decision_id: str
    why: str
    on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """Readable records of one night, with where each stands."""

    night: RecordedNight
    places: tuple[Place, ...]
    payloads: tuple[bytes, ...]

    @cached_property
    def parts(self) -> Parts:
        """The records, taken apart."""
        return self.night.parts(self.payloads)


class Records:
    """The records of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Open ledger and keys."""
        self.ledger: Ledger = existing_ledger(workspace, actor=actor())
        self.keyring: Keyring = open_keyring(workspace)
        self._nights: dict[int, RecordedNight] = {}

    def night(self, seq: int) -> RecordedNight:
        """Return the night that an entry opened."""
        if seq not in self._nights:
            self._nights[seq] = RecordedNight(ledger=self.ledger, entry=self.ledger.entry(seq))
        return self._nights[seq]

    def night_made(self, fingerprint: str) -> RecordedNight:
        """Return the recorded night of a fingerprint.

        Raises
        ------
        NotReady : it is not on record.
        """
        for night in reversed(self.nights()):
            if night.body["fingerprint"] == fingerprint:
                return night
        raise NotReady(
            "record of the newest night",
            "it is not in this ledger",
            "the ledger that the night was recorded in",
            "look at `ledger:` in forestay.yaml, and run `forestay nightly --supersede`",
        )

    def nights(self) -> list[RecordedNight]:
        """Return every night whose record was closed, oldest first."""
        return [self.night(entry.body["night"]) for entry in self.ledger.entries(RECORDED)]

    def night_of(self, as_of: date) -> RecordedNight:
        """Return the newest recorded night of a date.

        Raises
        ------
        NotReady : none is on record.
        """
        found = [night for night in self.nights() if night.as_of == as_of]
        if found:
            return found[-1]
        known = ", ".join(f"{night.as_of}" for night in self.nights()[-5:])
        raise NotReady(
            f"record of {as_of}",
            "no night of that date is on record",
            f"one of {known}" if known else "a recorded night",
            "run `forestay nightly`, or choose another date",
        )

    def of_decisions(self, decision_ids: Sequence[str]) -> tuple[list[Found], list[Missing]]:
        """Find decisions by their ids."""
        ids = {name: self.keyring.every_record_id(name) for name in decision_ids}
        places = self.ledger.places([one for ones in ids.values() for one in ones])
        wanted: dict[Place, str] = {}
        missing = []
        for name, ones in ids.items():
            mine = [place for one in ones for place in places.get(one, [])]
            if not mine:
                missing.append(Missing(decision_id=name, why="unknown"))
            wanted |= dict.fromkeys(mine, name)
        found, unread = self._read(wanted)
        return found, missing + unread

    def of_customer(self, customer_id: str) -> tuple[list[Found], list[Missing]]:
        """Find every record of a customer, oldest first."""
        ids = self.keyring.every_pseudonym(customer_id)
        places = self.ledger.places(ids)
        mine = [place for one in ids for place in places.get(one, [])]
        return self._read(dict.fromkeys(sorted(mine), ""))

    def of_night(self, night: RecordedNight) -> Iterator[tuple[Found, list[Missing]]]:
        """Read all records of a night, as many at once as were written together."""
        for entry in self.ledger.entries(DECISIONS, after=night.entry.seq):
            if entry.body["night"] != night.entry.seq:
                continue
            places = [Place(seq=entry.seq, index=n) for n in range(entry.body["count"])]
            found, missing = self._read(dict.fromkeys(places, ""))
            nothing = Found(night=night, places=(), payloads=())
            yield (found[0] if found else nothing), missing

    def _read(self, wanted: dict[Place, str]) -> tuple[list[Found], list[Missing]]:
        """Unseal records by place; those of one night come together."""
        readable: dict[int, list[tuple[Place, bytes]]] = {}
        missing: list[Missing] = []
        by_entry: dict[int, dict[Place, str]] = {}
        for place, name in wanted.items():
            by_entry.setdefault(place.seq, {})[place] = name
        for seq, mine in by_entry.items():
            entry = self.ledger.entry(seq)
            if entry.kind != DECISIONS:  # an answer of the service: `serving.online.score_records`
                missing += [Missing(decision_id=name, why="unknown") for name in mine.values()]
                continue
            leaves = self.ledger.leaves(seq)
            if leaves is None:
                missing += [Missing(decision_id=name, why="expired") for name in mine.values()]
                continue
            chosen = [leaves[place.index] for place in mine]
            opened = self.keyring.unseal_all(
                [leaf[_ID : 2 * _ID] for leaf in chosen],
                [leaf[2 * _ID :] for leaf in chosen],
                [leaf[:_ID] for leaf in chosen],
            )
            night = int(entry.body["night"])
            for (place, name), payload in zip(mine.items(), opened, strict=True):
                if isinstance(payload, Erased):
                    missing.append(Missing(decision_id=name, why="erased", on=payload.on))
                else:
                    readable.setdefault(night, []).append((place, payload))
        return [_found(self.night(night), rows) for night, rows in readable.items()], missing


def _found(night: RecordedNight, rows: Sequence[tuple[Place, bytes]]) -> Found:
    places, payloads = zip(*rows, strict=True)
    return Found(night=night, places=tuple(places), payloads=tuple(payloads))


def together(parts: Sequence[Parts]) -> Parts:
    """Join records of one night that were read one after the other."""
    names = ("customer_id", "decision_id")
    ids = {
        name: pa.chunked_array(
            [chunk for one in parts for chunk in getattr(one, name).chunks], pa.string()
        )
        for name in names
    }
    tables = {
        name: pa.concat_tables([getattr(one, name) for one in parts])
        for name in ("features", "sums", "decision", "said", "before", "responses")
    }
    return Parts(**ids, **tables)
