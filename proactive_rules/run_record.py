"""What all decisions of a night share: limits with their prices, cut-offs, controls, fairness.

Plain data without the clock: the list's summary shows it, and with it one customer's decision is a
function of that customer's row alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from proactive_rules.collective import Collective
from proactive_rules.decision_table import Outcome
from proactive_rules.timing.contact_hours import is_time_zone


def run_record(found: Outcome) -> Mapping[str, Any]:
    """Gather the shared facts of one night's decisions.

    Returns
    -------
    `limits` (code, unit, limit, held by earlier decisions, used, left, price of one more unit),
    `allocation` (value, bound, gap), `cutoffs` by action, `controls`, `review`, `fairness`,
    `before` (earlier contacts by state), `unknown_time_zones`, `consent_checked`, `decided_from`
    (columns of the customers' rows), `collective`.
    """
    allocation = found.shared.allocation
    return {
        "limits": _limits(found),
        "allocation": {
            "value": float(allocation.value),
            "bound": float(allocation.bound),
            "gap": float(allocation.gap),
        },
        "cutoffs": {
            action.name: _cutoff(found, action.name)
            for action in found.policy.actions
            if action.lowers
        },
        "controls": _controls(found),
        "review": _review(found),
        "fairness": _fairness(found),
        "before": _before(found),
        "unknown_time_zones": _unknown_zones(found),
        "decided_from": found.situation.customers.column_names,
        "collective": Collective(
            typical_value=found.at_stake.typical_value,
            known_risks=found.screening.known_risks,
            answering=found.plan.answering,
            groups=found.shared.groups,
            means=found.shared.means,
            allocation=allocation,
        ).as_data(),
        "consent_checked": any(
            name.startswith("consent_") for name in found.situation.customers.column_names
        ),
    }


def _limits(found: Outcome) -> list[dict[str, Any]]:
    allocation = found.shared.allocation
    return [
        {
            "code": one.code,
            "unit": one.unit,
            "limit": one.limit,
            "held": one.held,
            "used": float(allocation.used[place]),
            "left": max(float(one.left - allocation.used[place]), 0.0),
            "price": float(allocation.price[place]),
        }
        for place, one in enumerate(found.shared.means)
    ]


def _cutoff(found: Outcome, name: str) -> dict[str, float | None]:
    """Return the cut-offs at the typical value: by cost, with the limits, and as typed."""
    action = found.policy.action(name)
    mine = [
        (place, one)
        for place, one in enumerate(found.screening.treatments)
        if one.action.name == name
    ]
    benefit = found.at_stake.typical_value * abs(action.effect)
    if not benefit > 0:
        return {"computed": None, "with_limits": None, "typed": action.cutoff}
    with_limits = min(one.cost + _charge(found, place) for place, one in mine)
    return {
        "computed": _risk(min(one.cost for _, one in mine) / benefit),
        "with_limits": _risk(with_limits / benefit),
        "typed": action.cutoff,
    }


def _charge(found: Outcome, place: int) -> float:
    """Return what the limits charge for a treatment that needs no review, without fairness."""
    prices = found.shared.allocation.price
    takes = [one.takes[0, place] for one in found.shared.means]
    return float(np.dot(prices, takes)) if takes else 0.0


def _risk(cutoff: float) -> float | None:
    return cutoff if cutoff <= 1 else None


def _controls(found: Outcome) -> dict[str, Any]:
    holdout = found.policy.holdout
    return {
        "global": holdout.everything,
        "per_action": holdout.per_action,
        "key": holdout.key,
        "out": int(found.control.out.sum()),
        "held_out": int(found.held.sum()),
    }


def _review(found: Outcome) -> dict[str, Any] | None:
    review = found.policy.review
    if review is None:
        return None
    done = int(found.done.sum())
    reviewed = int(found.reviewed.sum())
    return {
        "owner": review.owner,
        "share": review.share,
        "reviewed": reviewed,
        "of": done,
        "waiting": int((found.variant.any(axis=1) & (_codes(found) == "review_hours")).sum()),
    }


def _codes(found: Outcome) -> Any:  # noqa: ANN401 - an array of texts
    if not found.screening.treatments:
        return np.array([""] * len(found.situation))
    reason = found.screening.reason[found.rows, found.told]
    return np.array(found.screening.codes)[np.where(found.done | found.held, 0, reason)]


def _fairness(found: Outcome) -> dict[str, Any] | None:
    if found.policy.fairness is None:
        return None
    groups = found.shared.groups
    shares = {
        name: float(share)
        for name, share in zip(groups.names, found.shared.allocation.share, strict=False)
    }
    return {
        "by": found.policy.fairness.by,
        "within": found.policy.fairness.within,
        "shares": shares,
        "spread": max(shares.values()) - min(shares.values()) if shares else None,
    }


def _before(found: Outcome) -> dict[str, int]:
    """Count earlier contacts in the look-back by what became of them."""
    counts = found.situation.before.group_by("state").aggregate([([], "count_all")]).to_pylist()
    known = {one["state"]: one["count_all"] for one in counts}
    return {state: known.get(state, 0) for state in ("sent", "reserved", "not_done")}


def _unknown_zones(found: Outcome) -> int:
    """Count customers whose time zone no clock knows: the workspace's stands in for it."""
    counts = pc.value_counts(found.situation.texts("local_time_zone").combine_chunks()).to_pylist()
    return sum(one["counts"] for one in counts if one["values"] and not is_time_zone(one["values"]))
