"""Each answer of the service on record, sealed for its customer, before the caller has it."""

import json
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from features.errors import NotReady
from features.workspace import Workspace
from serving.audit.looks import put_look
from serving.audit.reading import Records
from serving.keyring import Erased, Keyring
from serving.ledger import GroupCommit, Ledger, Place

SCORES = "scores"
#: Raise it when the meaning of a record changes; `read_score` must go on reading older ones.
FORMAT = 1


class Told(NamedTuple):
    """One answer: of whom, and what is put on record of it, as JSON without the last brace."""

    customer_id: str
    record_id: str
    content: bytes


def new_record_id() -> str:
    """Return the name of a record to be."""
    return str(uuid4())


class ScoreRecords:
    """Writes records in groups: what waits together is durable together."""

    def __init__(self, ledger: Ledger, keyring: Keyring) -> None:
        """Begin; nothing is gathered for longer than the group before it takes to write."""
        self._keyring = keyring
        body = {"format": FORMAT, "epoch": keyring.epoch}
        self._group = GroupCommit(ledger, SCORES, body, every_seconds=0.0)

    def put(self, told: list[Told], caller: str, request_id: str) -> "Future[tuple[Place, ...]]":
        """Seal some answers and hand them over.

        Raises
        ------
        Conflict : somebody among them was erased. Unavailable : the keys cannot be read, or too
            much waits to be written.
        """
        facts = {"format": FORMAT, "at": datetime.now(UTC).isoformat(), "caller": caller}
        head = json.dumps({**facts, "request_id": request_id})[:-1].encode()
        ids = self._keyring.record_ids([one.record_id for one in told])
        pseudonyms = self._keyring.pseudonyms([one.customer_id for one in told])
        payloads = [b"%b, %b}" % (head, one.content) for one in told]
        sealed = self._keyring.seal(pseudonyms, payloads, ids)
        leaves = [b"".join(parts) for parts in zip(ids, pseudonyms, sealed, strict=True)]
        return self._group.add(*leaves)

    def close(self) -> None:
        """Write what waits, and end."""
        self._group.close()


def show_answer(workspace: Workspace, record_id: str) -> dict[str, Any] | None:
    """Read what the service answered, and put on record that it was looked at.

    Returns
    -------
    what was told to whom and when, with its `place`; None where that is the name of no answer.

    Raises
    ------
    NotReady : its customer was erased, or its time is over.
    """
    records = Records(workspace)
    ids = records.keyring.every_record_id(record_id)
    places = [place for found in records.ledger.places(ids).values() for place in found]
    if not any(records.ledger.entry(place.seq).kind == SCORES for place in places):
        return None
    place, told = read_score(records, record_id)
    put_look(records.ledger, "audit show", [place])
    return {"record_id": record_id, "place": [place.seq, place.index], **told}


def read_score(records: Records, record_id: str) -> tuple[Place, dict[str, Any]]:
    """Read what was answered, by the `record_id` of the answer.

    Raises
    ------
    NotReady : there is no such record, or its customer was erased, or its time is over.
    """
    ids = records.keyring.every_record_id(record_id)
    places = records.ledger.places(ids)
    for place in [place for one in ids for place in places.get(one, [])]:
        if records.ledger.entry(place.seq).kind != SCORES:
            continue
        leaves = records.ledger.leaves(place.seq)
        if leaves is None:
            raise _gone("its record is past the time for which records are kept")
        leaf = leaves[place.index]
        (opened,) = records.keyring.unseal_all([leaf[16:32]], [leaf[32:]], [leaf[:16]])
        if isinstance(opened, Erased):
            raise _gone(f"the person was erased on {opened.on}")
        return place, json.loads(opened)
    raise _gone("there is no such answer on record, or the time of its record is over")


def _gone(problem: str) -> NotReady:
    return NotReady("answer of the service", problem, "the `record_id` of an answer", "look again")
