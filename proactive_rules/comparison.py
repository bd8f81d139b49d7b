"""Two policies side by side on the same customers: who would be contacted, for what, at what cost.

Pure: decisions in, plain data out. `serving.simulation` brings the nights.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.decide import Decided
from proactive_rules.decision_table import CONTACT, DECISIONS, HUMAN_REVIEW
from proactive_rules.policy.records import Policy
from proactive_rules.policy.sentences import both_languages
from proactive_rules.situation import BEFORE

#: Columns by whose values contacted shares are shown.
GROUPED_BY = ("lifecycle_stage", "segment", "region", "language")
#: Where one more unit is worth more than this, a limit stood in the way.
_NOTHING = 0.005
_DONE = pa.array([CONTACT, HUMAN_REVIEW])
#: Customers, and those of them for whom something is done.
Counts = tuple[int, int]
Group = tuple[str, str]


def done(decided: pa.Table) -> pa.Table:
    """Return the customers for whom something is done."""
    return decided.filter(pc.is_in(decided["decision"], value_set=_DONE))


def totals(decided: Decided, policy: Policy) -> dict[str, Any]:
    """Count one night under one policy: decisions, contacts, money, what stood in the way.

    Returns
    -------
    `listed`; `decisions`; `contacts` by channel and `actions`, those a person looks at first
    included; `cost` and `expected_value` of them in the currency; `why_not` by code; of each limit
    what was `used`, the `room` that earlier decisions left, and whether it was `bound`: 1 where
    one more unit would have been worth something.
    """
    chosen, limits = done(decided.table), decided.run["limits"]
    return {
        "listed": decided.table.num_rows,
        "decisions": _counts(decided.table["decision"], DECISIONS),
        "contacts": _counts(chosen["channel"], policy.channels),
        "actions": _counts(chosen["action"], [action.name for action in policy.actions]),
        "cost": _cost(chosen, policy),
        "expected_value": float(pc.sum(chosen["expected_value"]).as_py() or 0.0),
        "why_not": _counts(decided.table["why_not"]),
        "used": {one["code"]: one["used"] for one in limits},
        "room": {one["code"]: one["used"] + max(one["left"], 0.0) for one in limits},
        "bound": {one["code"]: int(one["price"] > _NOTHING) for one in limits},
    }


def as_sent(decided: pa.Table) -> pa.Table:
    """Return what was decided as contacts made at the hour they were planned for."""
    chosen = done(decided)
    columns = {
        **{name: chosen[name] for name in ("customer_id", "action", "channel", "owner")},
        "at": chosen["contact_at"],
        "state": pa.array(["sent"] * chosen.num_rows, pa.string()),
    }
    return pa.table(
        {
            field.name: columns.get(field.name, pa.nulls(chosen.num_rows, field.type))
            for field in BEFORE
        },
        schema=BEFORE,
    )


def moved(one: pa.Table, other: pa.Table) -> dict[str, list[str]]:
    """Name who is contacted under the second only (`entered`), under the first only (`left`)."""
    first, second = (done(table)["customer_id"].combine_chunks() for table in (one, other))
    return {
        "entered": sorted(second.filter(pc.invert(pc.is_in(second, first))).to_pylist()),
        "left": sorted(first.filter(pc.invert(pc.is_in(first, second))).to_pylist()),
    }


def movers(
    ids: Sequence[str], doing: pa.Table, other: pa.Table, policy: Policy, most: int
) -> list[dict[str, Any]]:
    """Tell what is done for customers under one policy, and why nothing is under the other.

    Parameters
    ----------
    ids : those to tell of.
    doing, other : decisions of the policy that does something, and of the other.
    policy : the other, whose sentences say why not.
    most : how many to tell of, those of highest rank.

    Returns
    -------
    One item a customer, in the order of rank; `why_not` and `say` are None for who is not even
    listed under the other.
    """
    rows = doing.filter(pc.is_in(doing["customer_id"], value_set=pa.array(ids, pa.string())))
    rows = rows.slice(0, most)
    place = pc.index_in(rows["customer_id"], value_set=other["customer_id"].combine_chunks())
    rows = rows.append_column("other_why_not", other["why_not"].take(place))
    say = both_languages(policy)
    return [
        {
            "customer_id": row["customer_id"],
            "stage": row.get("lifecycle_stage"),
            "decision": row["decision"],
            "action": row["action"],
            "channel": row["channel"],
            "expected_value": row["expected_value"],
            "why_not": row["other_why_not"],
            "say": say.get(row["other_why_not"]),
        }
        for row in rows.to_pylist()
    ]


def contacted_counts(decided: pa.Table, by: Iterable[str] = GROUPED_BY) -> dict[Group, Counts]:
    """Count customers, and those for whom something is done, by column and value.

    Examples
    --------
    >>> table = pa.table({"region": ["N", "N", "S"], "decision": ["contact", "held_out", "-"]})
    >>> contacted_counts(table)
    {('region', 'N'): (2, 1), ('region', 'S'): (1, 0)}
    """
    found: dict[Group, Counts] = {}
    flag = pc.is_in(decided["decision"], value_set=_DONE).cast(pa.int64())
    for column in by:
        if column not in decided.column_names:
            continue
        table = pa.table({"group": decided[column].cast(pa.string()), "done": flag})
        sums = table.group_by("group").aggregate([([], "count_all"), ("done", "sum")])
        for row in sums.sort_by("group").to_pylist():
            if row["group"] is not None:
                found[column, row["group"]] = (row["count_all"], row["done_sum"])
    return found


def summed(nights: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the totals of several nights.

    Examples
    --------
    >>> summed([{"cost": 1.0, "why_not": {"budget": 2}}, {"cost": 2.0, "why_not": {"budget": 1}}])
    {'cost': 3.0, 'why_not': {'budget': 3}}
    """
    total: dict[str, Any] = {}
    for night in nights:
        for name, value in night.items():
            if isinstance(value, Mapping):
                inner = total.setdefault(name, {})
                for key, count in value.items():
                    inner[key] = inner.get(key, 0) + count
            else:
                total[name] = total.get(name, 0) + value
    return total


def reasons(
    policies: Sequence[Policy], counts: Sequence[Mapping[str, int]]
) -> list[dict[str, Any]]:
    """Lay the reasons why not side by side: those that say the same are one, whatever their code.

    Parameters
    ----------
    counts : customers by code, of each policy.

    Returns
    -------
    `say` in every language and `counts`, one a policy: None where the policy has no such rule. The
    most frequent first; those that held for nobody are left out.
    """
    known = [both_languages(policy) for policy in policies]
    said = {words["en"]: words for one in known for words in one.values()}
    found = []
    for english, words in said.items():
        pair = [_counted(english, *both) for both in zip(known, counts, strict=True)]
        if any(pair):
            found.append({"say": words, "counts": pair})
    return sorted(found, key=lambda one: (-max(n or 0 for n in one["counts"]), one["say"]["en"]))


def _counted(
    english: str, known: Mapping[str, Mapping[str, str]], counts: Mapping[str, int]
) -> int | None:
    mine = [code for code, words in known.items() if words["en"] == english]
    return sum(counts.get(code, 0) for code in mine) if mine else None


def _counts(column: pa.ChunkedArray, names: Sequence[str] | None = None) -> dict[str, int]:
    """Count the values, those of `names` in their order also where there are none."""
    found = {
        one["values"]: one["counts"]
        for one in pc.value_counts(column.combine_chunks()).to_pylist()
        if one["values"] is not None
    }
    wanted = sorted(found) if names is None else names
    return {name: found.get(name, 0) for name in wanted}


def _cost(chosen: pa.Table, policy: Policy) -> float:
    costs = {(a.name, channel): cost for a in policy.actions for channel, cost in a.costs.items()}
    counts = chosen.group_by(["action", "channel"]).aggregate([([], "count_all")]).to_pylist()
    return float(sum(costs[one["action"], one["channel"]] * one["count_all"] for one in counts))
