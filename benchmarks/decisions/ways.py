"""The ways of choosing that `value_kept.py` compares, all under one policy and the same means.

A way answers with the share (n, K) of each treatment for each customer: 1 where it is given, or
the part of the draws in which it is. The truth is here too; only the oracle looks at it.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.decide import decide
from proactive_rules.expected_value import Stakes, Treatment, stakes, treatments
from proactive_rules.means import Means, fair_groups, means
from proactive_rules.policy.records import Policy
from proactive_rules.screening import Screening, screen
from proactive_rules.sharing import share_out
from proactive_rules.situation import RESPONSES, Situation
from proactive_rules.timing.contact_plan import plan_contacts

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Draws over which choosing at random is averaged.
DRAWS = 100
#: What leaving means: no order within 90 days, or gone for good within 90 days.
CHURN = ("no_order", "leave")


@dataclass(frozen=True, kw_only=True)
class Chances:
    """The truth of each customer: chances of each outcome with and without each action."""

    truth: pa.Table

    def of(self, outcome: str, action: str) -> Numbers:
        """Return a chance by customer."""
        return np.asarray(self.truth[f"{outcome}_{action}"].to_numpy(), dtype=np.float64)

    def less(self, outcome: str, action: str) -> Numbers:
        """Return by how much an action lowers a chance; below zero where it raises it."""
        return self.of(outcome, "none") - self.of(outcome, action)


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One date: what may be done for whom, with which means, and what it would truly do."""

    situation: Situation
    policy: Policy
    chances: Chances

    @cached_property
    def treatments(self) -> tuple[Treatment, ...]:
        """Treatments of the policy, in its order."""
        return treatments(self.policy)

    @cached_property
    def stakes(self) -> Stakes:
        """Risks and values as the product sees them."""
        return stakes(self.situation.customers, self.policy)

    @cached_property
    def screening(self) -> Screening:
        """What the policy lets every way choose from."""
        plan = plan_contacts(self.situation, self.policy, self.treatments)
        return screen(self.situation, self.policy, self.stakes, plan)

    @cached_property
    def means(self) -> tuple[Means, ...]:
        """Places and money."""
        return means(self.situation, self.policy, self.treatments)

    @property
    def budget(self) -> float:
        """Currency for the day."""
        return self.policy.budget.amount if self.policy.budget else 0.0

    @cached_property
    def costs(self) -> Numbers:
        """Currency a contact, by treatment."""
        return np.array([one.cost for one in self.treatments])

    @cached_property
    def woken(self) -> Flags:
        """(n, K) customers whom the treatment makes likelier to leave, by more than 2 points."""
        harm = [-self.chances.less("leave", one.action.name) for one in self.treatments]
        return np.column_stack(harm) > 0.02  # noqa: PLR2004 - as `features.simulated.truth` has it

    def true_value(self, churn: str) -> Numbers:
        """Return (n, K) currency kept: a year of the customer x both risks taken away, less cost.

        Both risks of both actions count, so that an offer which drives a customer away costs what
        it truly costs. Where the value is unknown the typical one stands in, as in the product.
        """
        found = []
        for one in self.treatments:
            value = self.stakes.value[one.action.name]
            value = np.where(np.isnan(value), self.stakes.typical_value, value)
            less = sum(self.chances.less(risk, one.action.name) for risk in (churn, "complaint"))
            found.append(value * less - one.cost)
        return np.column_stack(found)

    def mean_effect(self, treatment: Treatment, churn: str) -> float:
        """Return the true relative change of an action's own risk among those it is possible for.

        Of the risk of no order, also where leaving is what counts: the product multiplies that one.
        """
        action = treatment.action
        outcome, base = (churn, "no_order") if action.lowers == "churn" else ["complaint"] * 2
        among = self.screening.possible[:, self.treatments.index(treatment)]
        less = self.chances.less(outcome, action.name)[among].sum()
        return -float(less / self.chances.of(base, "none")[among].sum())

    def describe(self) -> str:
        """Say how many there are to choose from, what they are worth, and what there is."""
        possible, words = self.screening.possible, []
        for place, one in enumerate(self.treatments):
            among, name = possible[:, place], one.action.name
            words.append(
                f"{name}: {among.sum():,} possible, {self.woken[among, place].mean():.0%} of them"
                f" woken; declared {one.action.effect:+.3f}, true mean"
                + ", ".join(
                    f" {self.mean_effect(one, churn):+.3f} ({churn}),"
                    f" {self.true_value(churn)[among, place].mean():+,.0f} a contact"
                    for churn in CHURN
                )
            )
        limits = ", ".join(f"{one.code} {one.left:,.0f}" for one in self.means)
        return f"{len(self.situation):,} listed; {'; '.join(words)}; {limits}"


def chosen_by(choices: Choices, churn: str) -> dict[str, Numbers]:
    """Let every way choose; the kind of churn matters to those that are told of the truth."""
    screening, possible = choices.screening, choices.screening.possible
    customers = choices.situation.customers
    risk = np.column_stack([choices.stakes.risk[one.action.name] for one in choices.treatments])
    expected = np.column_stack([choices.stakes.expected_value(one) for one in choices.treatments])
    rng = np.random.default_rng(0)
    drawn = sum(_fill(choices, rng.random(possible.shape), possible) for _ in range(DRAWS)) / DRAWS
    # What does harm on the whole is worth nothing, not the opposite of it.
    learnt = tuple(
        replace(action, effect=min(choices.mean_effect(one, churn), 0.0))
        for action in choices.policy.actions
        for one in choices.treatments
        if one.action == action
    )
    unanswered = replace(choices.situation, responses=RESPONSES.empty_table())
    wakes = pa.array(choices.woken.any(axis=1))
    asleep = replace(choices.situation, customers=customers.filter(pc.invert(wakes)))
    outranked = screening.reason == screening.codes.index("outranked")
    return {
        "random": np.asarray(drawn),
        "top churn risk, no capacity": _top_churn(choices, risk, possible | outranked),
        "top risk": _fill(choices, risk, possible),
        "greedy expected value": _fill(choices, expected, possible),
        "greedy value per unit of cost": _fill(choices, expected / choices.costs, possible),
        "engine, declared effects": _engine(choices),
        "engine, replies unknown": _engine(choices, situation=unanswered),
        "engine, true mean effects": _engine(choices, replace(choices.policy, actions=learnt)),
        "engine, told who is woken": _engine(choices, situation=asleep),
        "oracle": _oracle(choices, churn),
    }


def _fill(choices: Choices, key: Numbers, possible: Flags) -> Numbers:
    """Go through customers and treatments, the largest key first, and take what still fits."""
    given = np.zeros(key.shape)
    left = np.array([one.left for one in choices.means])
    takes = np.array([one.takes[0] for one in choices.means])
    rows, places = np.nonzero(possible)
    order = np.argsort(-key[rows, places], kind="stable")
    for row, place in zip(rows[order].tolist(), places[order].tolist(), strict=True):
        if not given[row].any() and (takes[:, place] <= left + 1e-9).all():
            left -= takes[:, place]
            given[row, place] = 1.0
    return given


def _top_churn(choices: Choices, risk: Numbers, allowed: Flags) -> Numbers:
    """Make the offer to the highest churn risks until the money is gone, whoever can send it."""
    place = [one.action.lowers for one in choices.treatments].index("churn")
    people = np.flatnonzero(allowed[:, place])
    people = people[np.argsort(-risk[people, place], kind="stable")]
    given = np.zeros(risk.shape)
    given[people[: int(choices.budget // choices.costs[place])], place] = 1.0
    return given


def _engine(
    choices: Choices, policy: Policy | None = None, situation: Situation | None = None
) -> Numbers:
    """Let the product decide, under another policy or knowing something else."""
    table = decide(situation or choices.situation, policy or choices.policy).table
    done = table.filter(pc.equal(table["decision"], "contact"))
    ids = choices.situation.customers["customer_id"].combine_chunks()
    names = pa.array([one.action.name for one in choices.treatments])
    given = np.zeros((len(choices.situation), len(names)))
    rows = pc.index_in(done["customer_id"], value_set=ids).to_numpy()
    given[rows, pc.index_in(done["action"], value_set=names).to_numpy()] = 1.0
    return given


def _oracle(choices: Choices, churn: str) -> Numbers:
    """Let the product share out the true values."""
    possible = choices.screening.possible
    worth = np.where(possible, choices.true_value(churn), -np.inf)
    told = replace(choices.screening, worth=worth, reason=choices.screening.reason.copy())
    nobody = np.zeros(len(possible), dtype=bool)
    among = np.asarray(possible.any(axis=1))
    groups = fair_groups(choices.situation, None, worth.max(axis=1), among)
    shared = share_out(told, np.zeros(possible.shape, np.uint8), choices.means, groups, nobody)
    return np.asarray(shared.choice[:, None] == np.arange(possible.shape[1]), dtype=np.float64)
