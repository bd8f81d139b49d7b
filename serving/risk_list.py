"""Marketing's list: which columns, in which order, and how scores and decisions become its words.

It computes nothing about risk or decisions; `score` and `proactive_rules` did. `list_files` and
`page` write what is composed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid5

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.policy.records import Policy
from proactive_rules.policy.sentences import say_why_not

TARGETS = ("churn", "complaint")
LANGUAGES = ("en", "zh")
REASONS = (1, 2, 3)
#: Root of all decision ids; changing it would break every link from the past.
DECISIONS = UUID("5f0b7d5c-6a0e-5d6b-9a44-3c1f6f2a7e10")

_TEXT = pa.string()
#: Part of the contract with users (design, section 5): names and order do not change.
SCHEMA = pa.schema(
    [
        ("rank", pa.int64()),
        ("customer_id", _TEXT),
        ("as_of", pa.date32()),
        ("lifecycle_stage", _TEXT),
        ("segment", _TEXT),
        ("region", _TEXT),
        ("language", _TEXT),
        ("churn_risk", pa.float64()),
        ("churn_band", _TEXT),
        ("complaint_risk", pa.float64()),
        ("complaint_band", _TEXT),
        ("expected_value", pa.float64()),
        ("value_basis", _TEXT),
        ("decision", _TEXT),
        ("action", _TEXT),
        ("channel", _TEXT),
        ("owner", _TEXT),
        ("due_by", pa.timestamp("us", tz="UTC")),
        ("held_out", pa.bool_()),
        ("reason_1", _TEXT),
        ("reason_2", _TEXT),
        ("reason_3", _TEXT),
        ("reason_codes", pa.list_(_TEXT)),
        ("reason_target", _TEXT),
        ("why_not", _TEXT),
        ("on_list_since", pa.date32()),
        ("decision_id", _TEXT),
        ("churn_model", _TEXT),
        ("complaint_model", _TEXT),
        ("policy_version", _TEXT),
        ("features_as_of", pa.date32()),
    ]
)
#: What may be sent: nothing here tells who is held out, or how anyone ranks.
CONTACT_SCHEMA = pa.schema(
    [
        ("customer_id", _TEXT),
        ("as_of", pa.date32()),
        ("action", _TEXT),
        ("channel", _TEXT),
        ("owner", _TEXT),
        ("due_by", pa.timestamp("us", tz="UTC")),
        ("contact_at", pa.timestamp("us", tz="UTC")),
        ("say", _TEXT),
        ("playbook", _TEXT),
        ("reason_1", _TEXT),
        ("reason_2", _TEXT),
        ("reason_3", _TEXT),
        ("language", _TEXT),
        ("segment", _TEXT),
        ("region", _TEXT),
        ("decision_id", _TEXT),
    ]
)


@dataclass(frozen=True, kw_only=True)
class ListFacts:
    """What is the same on every row of one list."""

    workspace: str
    as_of: date
    language: str
    fingerprint: str
    model_versions: Mapping[str, str | None]
    policy: Policy


def reason_column(target: str, language: str, place: int) -> str:
    """Name of a reason's column among the scores."""
    return f"{target}_reason_{language}_{place}"


def decision_ids(customer_id: Sequence[str], facts: ListFacts) -> pa.Array:
    """Give each decision the same id however often the night is run again."""
    root = uuid5(DECISIONS, f"{facts.workspace}\n{facts.as_of}\n{facts.fingerprint}")
    return pa.array([str(uuid5(root, customer)) for customer in customer_id], _TEXT)


def reasons(rows: pa.Table, language: str) -> list[pa.ChunkedArray]:
    """Return the three reasons in one language, those of each row's `reason_target`."""
    return [
        _of_target(rows, {t: rows[reason_column(t, language, place)] for t in TARGETS})
        for place in REASONS
    ]


def with_reason_target(rows: pa.Table, policy: Policy) -> pa.Table:
    """Add `reason_target`: the risk the action lowers, else the one that stands out more."""
    names = [action.name for action in policy.actions]
    lowers = pa.array([action.lowers for action in policy.actions], _TEXT)
    planned = lowers.take(pc.index_in(rows["action"], value_set=pa.array(names, _TEXT)))
    return rows.append_column("reason_target", pc.coalesce(planned, rows["leading_target"]))


def compose(rows: pa.Table, facts: ListFacts) -> pa.Table:
    """Turn joined scores and decisions (with `reason_target`) into rows of the list."""
    words = dict(zip(REASONS, reasons(rows, facts.language), strict=True))
    codes = {target: rows[f"{target}_reason_codes"] for target in TARGETS}
    made: dict[str, Any] = {
        "as_of": _same(facts.as_of, rows, pa.date32()),
        **{f"reason_{place}": words[place] for place in REASONS},
        "reason_codes": _of_target(rows, codes),
        "why_not": say_why_not(facts.policy, rows["why_not"], facts.language),
        "decision_id": decision_ids(rows["customer_id"].to_pylist(), facts),
        **{f"{t}_model": _same(facts.model_versions.get(t), rows, _TEXT) for t in TARGETS},
        "policy_version": _same(facts.policy.label, rows, _TEXT),
        "features_as_of": _same(facts.as_of, rows, pa.date32()),
    }
    columns = [made[name] if name in made else rows[name] for name in SCHEMA.names]
    return pa.table(columns, names=SCHEMA.names).cast(SCHEMA)


def contacts(listed: pa.Table, channel: str, facts: ListFacts) -> pa.Table:
    """Keep who is to be contacted through a channel, with the words for whoever does it.

    Parameters
    ----------
    listed : rows of the list, with `contact_at`: when it suits the customer best.
    """
    chosen = listed.filter(
        pc.and_(
            pc.equal(listed["decision"], "contact"),
            pc.fill_null(pc.equal(listed["channel"], channel), fill_value=False),
        )
    )
    actions = facts.policy.actions
    place = pc.index_in(chosen["action"], value_set=pa.array([a.name for a in actions], _TEXT))
    say = pa.array([action.say[facts.language] for action in actions], _TEXT)
    playbook = pa.array([action.playbook[facts.language] for action in actions], _TEXT)
    made = {"say": say.take(place), "playbook": playbook.take(place)}
    columns = [made[name] if name in made else chosen[name] for name in CONTACT_SCHEMA.names]
    return pa.table(columns, names=CONTACT_SCHEMA.names).cast(CONTACT_SCHEMA)


def _of_target(rows: pa.Table, columns: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """Take each row's value from the column of its `reason_target`."""
    is_churn = pc.fill_null(pc.equal(rows["reason_target"], "churn"), fill_value=False)
    return pc.if_else(is_churn, columns["churn"], columns["complaint"])


def _same(value: object, rows: pa.Table, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), rows.num_rows)
