"""Why people leave and complain: the hidden law, used by the simulation and by its truth alike."""

from collections.abc import Sequence

import numpy as np

from features.simulated.customers import People

ACTIONS = ("none", "service_recovery", "retention_offer")
CAUSES = ("moving", "dissatisfied", "price", "contacted", "drifted")
#: Weeks during which a contact works, for good or ill.
EFFECT_WEEKS = 12
#: Share of dissatisfaction that is left after a week.
FADING = 0.5 ** (1 / 11)
PRICE_FADING = 0.5 ** (1 / 6)
_DRIFT, _DISSATISFIED, _PRICE, _CONTACTED = 0.0012, 0.0080, 0.0070, 0.030


def leaving_parts(
    people: People,
    dissatisfaction: np.ndarray,
    price_shock: np.ndarray,
    helped: np.ndarray,
    woken: np.ndarray,
) -> np.ndarray:
    """Weekly hazards of leaving, one row each for dissatisfied, price, contacted, drifted.

    Parameters
    ----------
    helped : 0 to 1, how much of the other hazards a recent contact takes away.
    woken : 0 or more, how strongly a recent contact drives a sleeping customer away.
    """
    stays = 1 - helped
    return np.stack(
        [
            _DISSATISFIED * people.restlessness * dissatisfaction * stays,
            _PRICE * people.price_sensitivity * price_shock * stays,
            _CONTACTED * woken,
            _DRIFT * people.restlessness * stays,
        ]
    )


def complaint_rate(
    people: People, dissatisfaction: np.ndarray, open_case: np.ndarray
) -> np.ndarray:
    """Complaints a customer makes in a week, on average."""
    return people.temper * (0.002 + 0.036 * dissatisfaction + 0.06 * open_case)


def response(people: People, action: str, dissatisfaction: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what a contact does to each: `helped`, `woken`, dissatisfaction taken away."""
    count = len(people)
    if action == "service_recovery":
        heard = np.minimum(dissatisfaction, 1.0)
        helped = np.where(people.sleeping, 0.0, 0.15 + 0.35 * heard) * (0.5 + people.persuadable)
        return np.minimum(helped, 0.9), np.where(people.sleeping, 0.3, 0.0), 0.45 * heard
    if action == "retention_offer":
        wanted = people.persuadable * (0.45 + 0.45 * np.minimum(people.price_sensitivity, 2.0))
        return np.minimum(wanted, 0.9), np.where(people.sleeping, 1.0, 0.0), np.zeros(count)
    return np.zeros(count), np.zeros(count), np.zeros(count)


def order_chance(
    people: People, age: np.ndarray, dissatisfaction: np.ndarray, helped: np.ndarray
) -> np.ndarray:
    """Chance of an order this week; it rises as the usual gap passes, so that gaps are regular."""
    rate = people.order_rate * np.exp(-0.35 * dissatisfaction) * (1 + 0.8 * helped)
    due = 0.45 + 0.8 * np.clip(rate * age, 0, 1.6)
    return 1 - np.exp(-rate * due)


def chances(
    people: People,
    state: Sequence[np.ndarray],
    action: str,
    *,
    leave_weeks: int,
    complain_weeks: float,
    known: tuple[np.ndarray, np.ndarray],
) -> dict[str, np.ndarray]:
    """Chances of leaving, of no order, and of a complaint, if nothing new strikes.

    Parameters
    ----------
    state : dissatisfaction, price shock, weeks since the last order, open case, weeks until a
        planned move (inf without one), weeks until a pause ends.
    known : `helped` and `woken` of contacts already made.
    """
    dissatisfaction, price_shock, age, open_case, moving, pause = state
    helped, woken, relief = response(people, action, dissatisfaction)
    helped = 1 - (1 - helped) * (1 - known[0])
    woken = np.maximum(woken, known[1])
    unhappy, shock = dissatisfaction - relief, price_shock.copy()
    here, silent_here = np.ones(len(people)), np.ones(len(people))
    silent_gone, complaints = np.zeros(len(people)), np.zeros(len(people))
    for week in range(leave_weeks):
        parts = leaving_parts(people, unhappy, shock, helped, woken)
        hazard = 1 - np.exp(-parts.sum(axis=0))
        # a move planned from now on takes a month at least
        hazard = 1 - (1 - hazard) * (1 - people.moving_rate * (week > 4))  # noqa: PLR2004
        hazard = np.where(moving <= week, 1.0, hazard)
        silent_gone = silent_gone + silent_here * hazard
        here = here * (1 - hazard)
        ordering = order_chance(people, age + week, unhappy, helped) * (pause <= week)
        silent_here = silent_here * (1 - hazard) * (1 - ordering)
        complaints += complaint_rate(people, unhappy, open_case) * np.clip(
            complain_weeks - week, 0, 1
        )
        unhappy, shock = unhappy * FADING, shock * PRICE_FADING
    return {
        "leave": 1 - here,
        "no_order": silent_here + silent_gone,
        "complaint": 1 - np.exp(-complaints),
    }
