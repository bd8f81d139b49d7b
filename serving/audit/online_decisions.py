"""Decisions between the nights, on record like those of a night: the same record, the same replay.

An entry `online` opens the record of each and says which night it goes by; what it does not say
itself is as that night's entry has it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from features.workspace import Workspace
from serving.audit.environment import environment
from serving.audit.night_entry import layout_text, put_text
from serving.audit.packed import layout_of, pack
from serving.audit.reading import RecordedNight
from serving.audit.record import history_texts, record_rows, with_history
from serving.audit.recording import DECISIONS
from serving.keyring import Keyring
from serving.ledger import Ledger
from serving.risk_list import ListFacts, decision_ids
from serving.score import Scored

ONLINE = "online"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a decision was made for: whose question, and the key that makes it one.

    ``at`` is the instant decided for; ``received`` the newest row that had come in.
    """

    caller: str
    key: str
    at: datetime
    day: date
    received: int
    models: Mapping[str, Mapping[str, str]]


def online_facts(workspace: Workspace, night: RecordedNight, asked: Asked) -> ListFacts:
    """Return what names a decision: the same night, caller and key give the same id."""
    told = f"{night.body['fingerprint']}\n{asked.caller}\n{asked.key}"
    return ListFacts(
        workspace=workspace.name,
        as_of=night.as_of,
        language=workspace.language,
        fingerprint=hashlib.sha256(told.encode()).hexdigest(),
        model_versions={target: one["version"] for target, one in asked.models.items()},
        policy=night.policy,
    )


def decision_id_of(facts: ListFacts, customer_id: str) -> str:
    """Return the id of a customer's decision."""
    return str(decision_ids([customer_id], facts)[0])


def record_online(
    ledger: Ledger,
    keyring: Keyring,
    night: RecordedNight,
    asked: Asked,
    made: tuple[Scored, pa.Table, Mapping[str, pa.Table], ListFacts],
) -> None:
    """Put decisions on record, before anybody is told.

    Parameters
    ----------
    made : scores with their evidence, decisions, `before` and `responses` of the customers, and
        what names the decisions.

    Raises
    ------
    Unavailable : the ledger or its keys cannot be written. Conflict : one was erased.
    """
    scored, decided, history, facts = made
    rows = record_rows(scored.evidence, scored.rows, decided, facts)
    rows = with_history(rows, history_texts(history["before"], history["responses"]))
    layout = layout_of(rows.schema)
    opened = ledger.append(ONLINE, _body(ledger, night, asked, facts, layout_text(layout)))
    ids = keyring.record_ids(rows["decision_id"].to_pylist())
    pseudonyms = keyring.pseudonyms(rows["customer_id"].to_pylist())
    sealed = keyring.seal(pseudonyms, pack(rows, layout), ids)
    leaves = [b"".join(parts) for parts in zip(ids, pseudonyms, sealed, strict=True)]
    body = {"night": opened.seq, "count": rows.num_rows, "epoch": keyring.epoch}
    ledger.append(DECISIONS, body, leaves)


def _body(
    ledger: Ledger, night: RecordedNight, asked: Asked, facts: ListFacts, layout: str
) -> dict[str, Any]:
    return {
        "like": night.entry.seq,
        "format": night.body["format"],
        "fingerprint": facts.fingerprint,
        "as_of": asked.day.isoformat(),
        "instant": asked.at.isoformat(),
        "language": facts.language,
        "models": {
            target: {**night.body["models"].get(target, {}), **one}
            for target, one in asked.models.items()
        },
        "made_from": {
            "night": night.body["fingerprint"],
            "received": asked.received,
            "caller": asked.caller,
        },
        "texts": {**night.body["texts"], "layout": put_text(ledger, "layout", layout)},
        "counts": [],
        "environment": environment(),
    }
