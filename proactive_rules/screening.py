"""Which treatments are possible for whom, and of the others the first reason why not.

In this order: is the risk known; does it make sense (applicability); may we (eligibility: do not
contact, consent); is it good for them (suitability: suppressions, language, frequency caps,
cooldown, quiet hours); is it worth its cost; does service come first. A later reason means that it
came further.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.conditions import column, holds
from proactive_rules.expected_value import Stakes, Treatment, treatments
from proactive_rules.policy.records import ANY_CHANNEL, Action, Policy
from proactive_rules.policy.sentences import limit_code
from proactive_rules.situation import Situation
from proactive_rules.timing.contact_plan import ContactPlan

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Screening:
    """Every treatment of every customer: possible, or the first reason why not.

    Attributes
    ----------
    known_risks : columns of risks that are known of somebody.
    codes : reasons, in the order in which they are asked; the first stands for possible.
    reason : (n, K) places in `codes`.
    worth : (n, K) currency, -inf where it is not possible.
    suppressed : (n,) by suppression, whether its condition holds.
    contacts : (n,) by frequency cap, the contacts that count in its window.
    cutoffs : (n,) by action, the risk from which it is done.
    """

    treatments: tuple[Treatment, ...]
    known_risks: frozenset[str]
    codes: tuple[str, ...]
    reason: NDArray[np.int16]
    worth: Numbers
    suppressed: Mapping[str, Flags]
    contacts: Mapping[str, NDArray[np.intp]]
    cutoffs: Mapping[str, Numbers]

    @property
    def possible(self) -> Flags:
        """(n, K) treatments that nothing speaks against."""
        return self.reason == 0

    def refuse(self, place: int, refused: Flags, code: str) -> None:
        """Set the reason of a treatment where it has none yet."""
        self.reason[refused & (self.reason[:, place] == 0), place] = self.codes.index(code)
        self.worth[refused, place] = -np.inf


def reason_codes(policy: Policy) -> tuple[str, ...]:
    """Return every code, in the order in which reasons are asked."""
    channels = policy.channels
    return (
        "",
        "not_applicable", "no_risk", "no_model", "below_cutoff", "do_not_contact",
        *(f"no_consent_{channel}" for channel in channels),
        *(f"suppressed_{rule.name}" for rule in policy.suppress),
        *(f"language_{channel}" for channel in channels),
        *(limit_code(place) for place in range(len(policy.limits))),
        "cooldown", "quiet_hours", "not_worth_it", "outranked", "outvalued",
        *(f"capacity_{channel}" for channel in channels),
        *(f"hours_{owner}" for owner in sorted(policy.hours)),
        "budget", "review_hours", "fairness", "held_out",
    )  # fmt: skip


def screen(
    situation: Situation,
    policy: Policy,
    at_stake: Stakes,
    plan: ContactPlan,
    known_risks: frozenset[str] | None = None,
) -> Screening:
    """Ask every rule of every treatment of every customer.

    Parameters
    ----------
    known_risks : risks known of somebody, where these customers are only some of them.

    Raises
    ------
    BadInput : a condition cannot be computed for some customer.
    """
    chosen = treatments(policy)
    worth = np.column_stack(
        [at_stake.worth(one, plan.fit(one)) for one in chosen]
        or [np.empty((len(situation), 0))]
    )  # fmt: skip
    if known_risks is None:
        known_risks = _known_risks(situation)
    screening = Screening(
        treatments=chosen,
        known_risks=known_risks,
        codes=reason_codes(policy),
        reason=np.zeros(worth.shape, dtype=np.int16),
        worth=np.where(np.isnan(worth), -np.inf, worth),
        suppressed=holds(situation.customers, {r.name: r.when for r in policy.suppress}),
        contacts=_contacts(situation, policy),
        cutoffs={action.name: at_stake.cutoff(action) for action in policy.actions},
    )
    applies = _Applicability(situation.customers, screening.cutoffs)
    for place, treatment in enumerate(chosen):
        action = treatment.action
        # Without any model nobody is contacted.
        unknown = np.isnan(at_stake.risk[action.name]) | (not known_risks)
        screening.refuse(
            place, unknown, "no_risk" if _is_asked(action, known_risks) else "no_model"
        )
        for refused, code in applies.against(action):
            screening.refuse(place, refused, code)
        for refused, code in _eligibility(situation, policy, treatment):
            screening.refuse(place, refused, code)
        for rule in policy.suppress:
            if action.name not in rule.excepted:
                screening.refuse(place, screening.suppressed[rule.name], f"suppressed_{rule.name}")
        for refused, code in _contact_rules(situation, policy, treatment, screening):
            screening.refuse(place, refused, code)
        screening.refuse(place, plan.at(treatment) < 0, "quiet_hours")
        screening.refuse(place, ~(screening.worth[:, place] > 0), "not_worth_it")
    _outrank(screening)
    return screening


def _known_risks(situation: Situation) -> frozenset[str]:
    names = [name for name in situation.customers.column_names if name.endswith("_risk")]
    return frozenset(n for n in names if situation.customers[n].null_count < len(situation))


def _is_asked(action: Action, known_risks: frozenset[str]) -> bool:
    """Tell whether the risk an action lowers is known of anybody."""
    return bool(known_risks) and (not action.lowers or f"{action.lowers}_risk" in known_risks)


def _contacts(situation: Situation, policy: Policy) -> Mapping[str, NDArray[np.intp]]:
    """Count by frequency cap what each customer had in its window, over all teams."""
    found = {}
    for place, limit in enumerate(policy.limits):
        kept = {} if limit.channel == ANY_CHANNEL else {"channel": limit.channel}
        found[limit_code(place)] = situation.count(situation.within(limit.within, **kept))
    return found


class _Applicability:
    """To whom each action applies, asked once an action although it has several channels."""

    def __init__(self, customers: pa.Table, cutoffs: Mapping[str, Numbers]) -> None:
        self._customers, self._cutoffs = customers, cutoffs
        self._answers: dict[str, Sequence[tuple[Flags, str]]] = {}

    def against(self, action: Action) -> Sequence[tuple[Flags, str]]:
        """Tell where it is not meant, and where only the risk is too low."""
        if action.name not in self._answers:
            # What would apply at any risk shows whether the cut-off alone stands in the way.
            meant = self._holds(action, np.zeros(self._customers.num_rows))
            now = self._holds(action, self._cutoffs[action.name])
            self._answers[action.name] = ((~meant & ~now, "not_applicable"), (~now, "below_cutoff"))
        return self._answers[action.name]

    def _holds(self, action: Action, cutoff: Numbers) -> Flags:
        rows = self._customers.append_column("cutoff", pa.array(cutoff))
        return holds(rows, {action.name: action.when})[action.name]


def _eligibility(
    situation: Situation, policy: Policy, treatment: Treatment
) -> Sequence[tuple[Flags, str]]:
    customers, channel = situation.customers, treatment.channel
    refused = column(customers, "do_not_contact") > 0
    found: list[tuple[Flags, str]] = [(refused, "do_not_contact")]
    if (name := f"consent_{channel}") in customers.column_names:
        silent = policy.silence[treatment.action.purpose]
        granted = pc.fill_null(customers[name], fill_value=silent)
        found.append((~np.asarray(granted.to_numpy(), dtype=bool), f"no_consent_{channel}"))
    return found


def _contact_rules(
    situation: Situation, policy: Policy, treatment: Treatment, screening: Screening
) -> Sequence[tuple[Flags, str]]:
    found = []
    if spoken := policy.languages.get(treatment.channel):
        language = situation.texts("language")
        others = pc.invert(pc.is_in(language, value_set=pa.array(spoken, pa.string())))
        others = pc.and_(others, pc.is_valid(language))
        found.append((np.asarray(others.to_numpy(), dtype=bool), f"language_{treatment.channel}"))
    action = treatment.action
    for place, limit in enumerate(policy.limits):
        if action.purpose in limit.exempt or limit.channel not in (ANY_CHANNEL, treatment.channel):
            continue
        code = limit_code(place)
        found.append((screening.contacts[code] >= limit.most, code))
    if action.cooldown:
        same = situation.count(situation.within(action.cooldown, action=action.name))
        found.append((same > 0, "cooldown"))
    return found


def _outrank(screening: Screening) -> None:
    """Keep selling away from whoever a service action is possible for."""
    service = [one.action.purpose == "service" for one in screening.treatments]
    served: Flags = np.asarray(screening.possible[:, service].any(axis=1))
    for place, is_service in enumerate(service):
        if not is_service:
            screening.refuse(place, served, "outranked")
