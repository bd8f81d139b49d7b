"""Past outreach: whom the company contacted, whom it held out at random, and what that did."""

import numpy as np

from features.simulated.answers import NEUTRAL
from features.simulated.customers import People
from features.simulated.journal import Journal
from features.simulated.leaving import ACTIONS, EFFECT_WEEKS, response

#: Week from which a random part of every campaign is held out.
RANDOMISED_FROM = 26
HELD_OUT_SHARE = 0.25
_CAMPAIGN_EVERY = 4
_REST_WEEKS = 10


class Outreach:
    """Campaigns week by week, and the memory of what they did to each customer."""

    def __init__(self, people: People, rng: np.random.Generator, journal: Journal) -> None:
        self._people, self._rng, self._journal = people, rng, journal
        count = len(people)
        self._contacted = np.full(count, -np.inf)
        self._chosen = np.full(count, -np.inf)
        self._helped, self._woken = np.zeros(count), np.zeros(count)
        # consent to marketing by email, phone, app
        self.consent = rng.random((count, 3)) < np.array([0.78, 0.55, 0.70])

    def effect(self, week: int) -> tuple[np.ndarray, np.ndarray]:
        """Return `helped` and `woken` of earlier contacts; both end after `EFFECT_WEEKS`."""
        works = week - self._contacted < EFFECT_WEEKS
        return self._helped * works, self._woken * works

    def reach(
        self,
        week: int,
        here: np.ndarray,
        upset_week: np.ndarray,
        last_order: np.ndarray,
        dissatisfaction: np.ndarray,
    ) -> np.ndarray:
        """Contact whom the staff choose this week; returns the dissatisfaction taken away."""
        free = week - self._chosen >= _REST_WEEKS
        consents = self.consent[np.arange(len(self._people)), self._people.channel]
        upset = week - upset_week <= 2  # noqa: PLR2004 - weeks in which care looks back
        relief = self._send(week, "service_recovery", free & here & upset, 0.22, dissatisfaction)
        if week % _CAMPAIGN_EVERY == 0:
            # the company sees who is silent, not who has left
            silent = (week - last_order > 7) & (week - last_order < 30)  # noqa: PLR2004
            known = (self._people.joined <= week) & ~self._people.potential & consents
            chosen = np.where(silent, 0.16, 0.05)
            free = week - self._chosen >= _REST_WEEKS
            self._send(week, "retention_offer", free & known, chosen, dissatisfaction)
        return relief

    def _send(
        self,
        week: int,
        action: str,
        among: np.ndarray,
        chance: np.ndarray | float,
        dissatisfaction: np.ndarray,
    ) -> np.ndarray:
        who = np.flatnonzero(among & (self._rng.random(len(self._people)) < chance))
        held_out = self._rng.random(len(who)) < HELD_OUT_SHARE * (week >= RANDOMISED_FROM)
        helped, woken, relief = response(self._people, action, dissatisfaction)
        luck = self._rng.random(len(who))
        self._journal.note(
            "outreach",
            week,
            who,
            held_out=held_out,
            base=NEUTRAL + 0.5 * helped[who],
            luck=luck,
            action=np.full(len(who), ACTIONS.index(action)),
            woken=woken[who],
        )
        self._chosen[who] = week
        sent = who[~held_out]
        self._contacted[sent], self._helped[sent], self._woken[sent] = (
            week,
            helped[sent],
            woken[sent],
        )
        taken = np.zeros(len(self._people))
        taken[sent] = relief[sent]
        return taken
