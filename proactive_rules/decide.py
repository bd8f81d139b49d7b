"""One decision per customer, with its reason: the whole way from features and scores.

Stakes and the best hour, screening, people in the loop, controls, sharing out: each has a module of
its own. Pure: the same tables, policy and instant give the same decisions, in any order of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.collective import Collective
from proactive_rules.decision_table import Outcome, decision_table
from proactive_rules.expected_value import stakes, treatments
from proactive_rules.holdout import take_out_controls
from proactive_rules.means import fair_groups, means
from proactive_rules.policy.records import Policy
from proactive_rules.review import needs_review
from proactive_rules.run_record import run_record
from proactive_rules.screening import screen
from proactive_rules.sharing import Settled, share_out
from proactive_rules.situation import Situation
from proactive_rules.timing.contact_plan import plan_contacts


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Decisions of one night.

    Attributes
    ----------
    table : one row a customer, in the order of `rank`; see `decide`.
    run : what all of them share: limits, prices, cut-offs, control groups; plain data. Its
        `collective` lets each decision be made again alone.
    """

    table: pa.Table
    run: Mapping[str, Any]


def decide(situation: Situation, policy: Policy) -> Decided:
    """Decide for every customer at once, since they share the same people and money.

    Returns
    -------
    The given columns of the customers in the order of `rank`, with

    - `rank` 1..n (expected value, null last, then churn risk, then complaint risk, then id),
      `expected_value` (currency, of what is done, else of what came nearest), `value_basis`;
    - `decision`, `action`, `channel`, `owner`, `due_by`, `contact_at` (when it suits best),
      `held_out`, `assignment_probability`, `why_not` (a code of `sentences`; null only for those
      who are contacted or reviewed);
    - the trace: `at_margin` (what was left of the limits decided, not their prices alone), `worth`
      (expected value with the response to expect), `surcharge` (what the limits charge),
      `why_not:<action>:<channel>` of what was not done, `rule:<suppression>`, `contacts:<cap>`,
      `cutoff:<action>`.

    Raises
    ------
    BadInput : a condition of the policy cannot be computed for some customer.
    """
    return _decide(situation.in_order(), policy)


def decide_again(
    situation: Situation, policy: Policy, collective: Collective, earlier: pa.Table
) -> Decided:
    """Make decisions of an earlier night again, for some of its customers and without the others.

    Parameters
    ----------
    situation : rows, earlier contacts and past sends of those customers only.
    collective : what that night's run kept of all of them.
    earlier : `customer_id`, `at_margin`, `action`, `channel` as decided then: what was left of the
        limits when a customer's turn came is no function of a price.

    Returns
    -------
    As `decide` gives it, to the last bit; but for `rank`, which is among these customers.
    """
    situation = situation.in_order()
    earlier = earlier.take(pc.index_in(situation.customers["customer_id"], earlier["customer_id"]))
    treatment = pc.binary_join_element_wise(earlier["action"], earlier["channel"], " by ")
    names = pa.array([one.name for one in treatments(policy)], pa.string())
    settled = Settled(
        allocation=collective.allocation,
        at_margin=_flags(earlier["at_margin"]),
        given=_whole(pc.fill_null(pc.index_in(treatment, value_set=names), -1)),
    )
    return _decide(situation, policy, collective, settled)


def _decide(
    situation: Situation,
    policy: Policy,
    known: Collective | None = None,
    settled: Settled | None = None,
) -> Decided:
    """Decide, with what depends on everybody made here or known from an earlier night."""
    at_stake = stakes(situation.customers, policy, known.typical_value if known else None)
    plan = plan_contacts(situation, policy, treatments(policy), known.answering if known else None)
    screening = screen(situation, policy, at_stake, plan, known.known_risks if known else None)
    value = np.column_stack(
        [at_stake.expected_value(one) for one in screening.treatments]
        or [np.empty((len(situation), 0))]
    )  # fmt: skip
    best = np.where(screening.possible, value, -np.inf).max(axis=1, initial=-np.inf)
    variant = needs_review(situation, policy, at_stake, screening, best)
    could_be = np.asarray(screening.possible.any(axis=1))
    worth = screening.worth.max(axis=1, initial=-np.inf)
    fairness = policy.fairness
    groups = (
        known.groups.of(situation, fairness, worth, could_be)
        if known
        else fair_groups(situation, fairness, worth, could_be)
    )
    control = take_out_controls(screening, situation.customers["customer_id"], policy.holdout)
    limits = known.means if known else means(situation, policy, screening.treatments)
    shared = share_out(screening, variant, (limits, groups), control.out, settled)
    outcome = Outcome(
        situation=situation,
        policy=policy,
        at_stake=at_stake,
        plan=plan,
        screening=screening,
        control=control,
        shared=shared,
        variant=variant,
        value=value,
    )
    return Decided(table=decision_table(outcome), run=run_record(outcome))


def _flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, fill_value=False).to_numpy(), dtype=bool)


def _whole(column: pa.ChunkedArray) -> NDArray[np.intp]:
    return np.asarray(column.to_numpy(), dtype=np.intp)
