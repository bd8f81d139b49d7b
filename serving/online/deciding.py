"""One customer's decision now: the policy, limits and prices of the night, what is known by now.

What depends on everybody (prices, groups, answering rates) is the night's; the customer's features,
risks, consents and contacts are of this instant. A decision stands until something comes in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted
from proactive_rules.collective import collective_from_data
from proactive_rules.decide import Decided, decide_again
from proactive_rules.decisions_before import CONTACTS, DECIDED, HOLDING, SENT, settle
from proactive_rules.situation import BEFORE, Situation
from serving.audit.reading import RecordedNight
from serving.consents import newest_consents
from serving.decisions_before import sent_between
from serving.night import RESPONSES_WITHIN
from serving.online.refreshing import Looked
from serving.online.scorer import View
from serving.policies import PolicyInForce, policy_columns, with_unmapped
from serving.responses import last_outcomes, responses
from serving.score import Scored
from serving.scores import Circumstances

_MICROSECOND = timedelta(microseconds=1)
_REASONS = "_reason_"


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A decision made now, with all that its record needs.

    ``before``, ``responses`` : the customer's contacts and answers, as they were decided from.
    """

    at: datetime
    scored: Scored
    decided: Decided
    before: pa.Table
    responses: pa.Table


def decide_now(
    view: View,
    night: RecordedNight,
    looked: Looked,
    recorded_before: pa.Table,
    taken: Sequence[str],
) -> Fresh | None:
    """Decide for the customers who were looked at; None where no question is asked about any.

    Parameters
    ----------
    recorded_before : contacts and reservations of these customers, as the night had them.
    taken : channels of what was decided since the night, one for each decision to contact.
    """
    workspace, accepted, at = view.workspace, looked.accepted, looked.at
    policy = night.policy
    in_force = PolicyInForce(
        policy=policy,
        columns=policy_columns(workspace, view.catalogue),
        path=None,
        content=night.text("policy").encode(),
    )
    circumstances = Circumstances(
        policies=[in_force],
        champions=view.champions,
        catalogue=view.catalogue,
        currency=workspace.currency,
        last=last_outcomes(accepted, at),
    )
    consents = newest_consents(accepted, at)
    scored = circumstances.score(
        looked.features, looked.asked, None if consents is None else consents[0]
    )
    if scored.rows.num_rows == 0:
        return None
    answered = responses(
        accepted, at, workspace.time_zone, at - RESPONSES_WITHIN, policy.answered.sql
    )
    before = contacts_by_now(accepted, recorded_before, policy.reserve_for, at, policy.looks_back)
    situation = Situation(
        customers=_decided_from(scored.rows, in_force, night),
        as_of=at,
        before=before,
        responses=answered,
        time_zone=workspace.time_zone,
    )
    return Fresh(
        at=at,
        scored=scored,
        decided=_decide(situation, night, taken),
        before=before,
        responses=answered,
    )


def _decide(situation: Situation, night: RecordedNight, taken: Sequence[str]) -> Decided:
    """Decide by the night's prices; where no place is left in a channel, give none of it."""
    collective = collective_from_data(night.body["run"]["collective"])
    decided = decide_again(situation, night.policy, collective, _earlier(situation))
    full = pa.array(_full(night, taken), pa.string())
    no_place = pc.and_(
        pc.is_in(decided.table["channel"], value_set=full),
        pc.is_in(decided.table["decision"], value_set=pa.array(HOLDING)),
    )
    if not pc.any(no_place).as_py():
        return decided
    earlier = _earlier(situation)
    ids = decided.table["customer_id"].filter(no_place)
    none_left = pc.is_in(earlier["customer_id"], value_set=ids.combine_chunks())
    at = earlier.column_names.index("at_margin")
    return decide_again(
        situation, night.policy, collective, earlier.set_column(at, "at_margin", none_left)
    )


def _earlier(situation: Situation) -> pa.Table:
    """Return that nobody was given anything yet."""
    ids = situation.customers["customer_id"]
    return pa.table(
        {
            "customer_id": ids,
            "at_margin": pa.repeat(pa.scalar(value=False), len(ids)),
            "action": pa.nulls(len(ids), pa.string()),
            "channel": pa.nulls(len(ids), pa.string()),
        }
    )


def _full(night: RecordedNight, taken: Sequence[str]) -> list[str]:
    """Name the channels of which the night and what was decided since leave no place."""
    start = "capacity_"
    return [
        channel
        for one in night.body["run"]["limits"]
        if one["code"].startswith(start)
        and taken.count(channel := one["code"].removeprefix(start)) + 1 > one["left"]
        and taken.count(channel)
    ]


def _decided_from(rows: pa.Table, in_force: PolicyInForce, night: RecordedNight) -> pa.Table:
    """Lay out customers with the columns of the night, so that a replay finds the same."""
    plain = rows.select([name for name in rows.column_names if _REASONS not in name])
    customers = with_unmapped(plain, in_force.reads)
    for name in night.body["run"]["decided_from"]:
        if name not in customers.column_names:
            customers = customers.append_column(name, pa.nulls(customers.num_rows))
    return customers.select(night.body["run"]["decided_from"])


def contacts_by_now(
    accepted: Accepted,
    recorded: pa.Table,
    reserve_for: timedelta,
    at: datetime,
    looks_back: timedelta,
) -> pa.Table:
    """Settle what the night knew with what was sent since; each decision is carried out once."""
    sent = sent_between(accepted, at - looks_back, at).select(CONTACTS.names)
    known = recorded.filter(pc.equal(recorded["state"], SENT))
    held = recorded.filter(pc.not_equal(recorded["state"], SENT))
    decided = _as_decided(pa.concat_tables([held, known.filter(pc.is_valid(known["decision_id"]))]),
                          reserve_for)  # fmt: skip
    return settle(decided, _naming(sent, known), at, reserve_for).select(BEFORE.names).cast(BEFORE)


def _as_decided(rows: pa.Table, reserve_for: timedelta) -> pa.Table:
    """Lay out reservations, and decisions that were carried out, as decisions."""
    grace = pa.scalar(reserve_for // _MICROSECOND, pa.duration("us"))
    columns = {
        "decision_id": rows["decision_id"],
        "customer_id": rows["customer_id"],
        "decided_at": rows["at"],
        "decision": pa.repeat(pa.scalar(HOLDING[0]), rows.num_rows),
        "action": rows["action"],
        "channel": rows["channel"],
        "owner": rows["owner"],
        "due_by": pc.subtract(rows["reserved_until"], grace),
        "cost": rows["cost"],
    }
    return pa.table(columns).cast(DECIDED)


def _naming(sent: pa.Table, known: pa.Table) -> pa.Table:
    """Let contacts name the decisions that the night found they had carried out."""
    names = ("customer_id", "action", "channel")

    def key(table: pa.Table, time: str) -> pa.ChunkedArray:
        texts = (table[one] for one in names)
        return pc.binary_join_element_wise(*texts, table[time].cast(pa.string()), "\x1f")

    place = pc.index_in(key(sent, "sent_at"), value_set=key(known, "at").combine_chunks())
    found = known["decision_id"].combine_chunks().take(place.combine_chunks())
    at = sent.column_names.index("decision_id")
    return sent.set_column(at, "decision_id", pc.coalesce(sent["decision_id"], found))
