"""The weeks themselves: what strikes customers, what they do, and why they leave.

All customers of a chunk live the same week at once; no loop runs over customers.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from features.simulated.customers import People
from features.simulated.districts import Failures
from features.simulated.journal import Journal
from features.simulated.leaving import (
    CAUSES,
    FADING,
    PRICE_FADING,
    complaint_rate,
    leaving_parts,
    order_chance,
)
from features.simulated.outreach import Outreach
from features.simulated.shifts import LEAVES, TAKES
from features.simulated.weeks import week_of

#: Weeks in which prices rise: rents each July, services each January (share of the price).
RENT_RISES = {week_of(date(year, 7, 1)): rise for year, rise in ((2024, 4), (2025, 6), (2026, 5))}
SERVICE_RISES = {week_of(date(year, 1, 6)): rise for year, rise in ((2025, 5), (2026, 8))}
NEVER = np.inf
_MOVES_AWAY = 0.8
_RETURN_WEEKLY = 0.0012
_SURVEY_EVERY = 13
_PAUSE_WEEKLY = 0.007


@dataclass(kw_only=True)
class Life:
    """The hidden state of a chunk's customers in the current week; `journal` keeps what showed."""

    people: People
    failures: Failures
    rng: np.random.Generator
    journal: Journal = field(default_factory=Journal)
    week: int = 0
    competitor_from: float = NEVER

    def __post_init__(self) -> None:
        """Begin with whatever the years before left behind."""
        people, rng, count = self.people, self.rng, len(self.people)
        self.dissatisfaction = rng.gamma(1.2, 0.16, count)
        self.price_shock = np.zeros(count)
        self.open_until = np.full(count, -NEVER)
        self.moving_at = np.full(count, NEVER)
        self.leaves_at = np.full(count, NEVER)
        self.left_week = np.full(count, NEVER)
        self.cause = np.full(count, -1, dtype=np.int8)
        self.last_order = np.maximum(people.joined, -rng.exponential(1 / people.order_rate))
        self.upset_week = np.full(count, -NEVER)
        self.paused_until = np.full(count, -NEVER)
        self.outreach = Outreach(people, rng, self.journal)

    @property
    def here(self) -> np.ndarray:
        """True for whoever has joined and not left."""
        return (self.people.joined <= self.week) & np.isinf(self.left_week)

    @property
    def resident(self) -> np.ndarray:
        """True for whoever still deals with the company: here, or gone but still in the lease."""
        moved = self.cause == CAUSES.index("moving")
        stays_weeks = np.where(moved | ~self.people.leasing, 0, self.people.notice_weeks)
        return (self.people.joined <= self.week) & (self.week < self.left_week + stays_weeks)

    @property
    def open_case(self) -> np.ndarray:
        """True where a case of the customer is still open."""
        return self.open_until > self.week

    def live(self) -> None:
        """Live the current week and go on to the next."""
        here, resident = self.here, self.resident
        struck = self._fail(resident)
        self._rise_prices(here)
        self._call(resident, struck)
        self._complain(resident)
        self._order(here)
        self._answer_surveys(resident)
        self._use(resident)
        self.dissatisfaction -= self.outreach.reach(
            self.week, here, self.upset_week, self.last_order, self.dissatisfaction
        )
        self._plan_moves(here)
        self._leave(here)
        self._come_back()
        self.dissatisfaction = np.maximum(self.dissatisfaction, 0) * FADING
        self.price_shock *= PRICE_FADING
        self.week += 1

    def _chance(self, probability: np.ndarray | float, among: np.ndarray) -> np.ndarray:
        return np.flatnonzero(among & (self.rng.random(len(self.people)) < probability))

    def _of_home(self) -> np.ndarray:
        return self.rng.random(len(self.people))[self.people.household]

    def _upset(self, who: np.ndarray, by: np.ndarray | float) -> None:
        np.add.at(self.dissatisfaction, who, by)

    def _fail(self, here: np.ndarray) -> np.ndarray:
        struck = np.zeros(len(self.people), dtype=bool)
        for kind in range(self.failures.share.shape[2]):
            share = self.failures.share[self.week, self.people.district, kind]
            hit = here & self.people.leasing & (self._of_home() < share)
            who = np.flatnonzero(hit)
            days = self.failures.days[self.week, self.people.district[who], kind]
            self._upset(who, 0.24 * np.sqrt(days))
            kinds = np.full(len(who), kind)
            self.journal.note("failure", self.week, who, kind=kinds, days=days)
            struck |= hit
        self.upset_week[struck] = self.week
        return struck

    def _rise_prices(self, here: np.ndarray) -> None:
        rent = RENT_RISES.get(self.week, 0) / 5 * self.people.leasing
        service = SERVICE_RISES.get(self.week, 0) / 5
        self.price_shock += (rent + service) * here

    def _call(self, here: np.ndarray, struck: np.ndarray) -> None:
        moves_soon = self.moving_at - self.week < 6  # noqa: PLR2004 - weeks before a move
        rate = 0.025 + 0.30 * struck + 0.05 * self.dissatisfaction + 0.22 * moves_soon
        who = self._chance(1 - np.exp(-rate), here)
        topic = np.where(
            struck[who], 0, np.where(moves_soon[who], 1, self.rng.integers(2, 6, len(who)))
        )
        self._serve("contact", who, topic)

    def _serve(self, kind: str, who: np.ndarray, topic: np.ndarray) -> None:
        """Let the service desk answer: waiting and open cases build dissatisfaction."""
        load = self.failures.load[self.week, self.people.district[who]]
        wait = 5 * load * self.rng.lognormal(0, 0.95, len(who))
        hours = 9 * np.sqrt(load) * self.rng.lognormal(0, 1.5, len(who))
        forgotten = self.rng.random(len(who)) < 0.04  # noqa: PLR2004 - share never closed
        self._upset(who, 0.10 * np.minimum(wait / 20, 3))
        hours = np.where(forgotten, self.rng.uniform(500, 4000, len(who)), hours)
        never = forgotten & (self.rng.random(len(who)) < 0.15)  # noqa: PLR2004
        open_weeks = np.minimum(hours / 168, 10)
        self.open_until[who] = np.maximum(self.open_until[who], self.week + open_weeks)
        mood = self.dissatisfaction[who]
        self.journal.note(
            kind,
            self.week,
            who,
            topic=topic,
            wait=wait,
            mood=mood,
            hours=np.where(never, np.nan, hours),
        )

    def _complain(self, here: np.ndarray) -> None:
        self._upset(np.flatnonzero(here & self.open_case), 0.10)
        rate = complaint_rate(self.people, self.dissatisfaction, self.open_case)
        who = self._chance(1 - np.exp(-rate), here)
        topic = self.rng.integers(2, 6, len(who))
        topic = np.where(self.upset_week[who] >= self.week - 3, 0, topic)
        self._serve("complaint", who, topic)
        # half of those who speak up feel heard
        self._upset(who, self.rng.choice([-0.35, 0.15], len(who)))
        self.upset_week[who] = self.week

    def _pause(self, here: np.ndarray) -> None:
        """Let some travel or save for a while: they are silent and come back by themselves."""
        who = self._chance(_PAUSE_WEEKLY, here & (self.paused_until <= self.week))
        self.paused_until[who] = self.week + self.rng.gamma(2.0, 6.5, len(who))

    def _order(self, here: np.ndarray) -> None:
        self._pause(here)
        age = self.week - self.last_order
        chance = order_chance(
            self.people, age, self.dissatisfaction, self.outreach.effect(self.week)[0]
        )
        if self.week >= self.competitor_from:
            chance = LEAVES * chance
        who = self._chance(chance, here & ~self.people.potential & (self.paused_until <= self.week))
        poor = self.rng.random(len(who)) < 0.05  # noqa: PLR2004 - work badly done
        self._upset(who[poor], 0.3)
        self.last_order[who] = self.week
        moves = self.moving_at[who] - self.week <= 2  # noqa: PLR2004 - weeks before a move
        self.journal.note("order", self.week, who, poor=poor, moves=moves)

    def _answer_surveys(self, here: np.ndarray) -> None:
        turn = np.arange(len(self.people)) % _SURVEY_EVERY == self.week % _SURVEY_EVERY
        who = self._chance(0.15 + 0.25 * self.people.engagement, here & turn)
        mood = 0.86 - 0.34 * self.dissatisfaction[who] + self.rng.normal(0, 0.13, len(who))
        self.journal.note("survey", self.week, who, satisfaction=np.clip(mood, 0, 1))

    def _use(self, here: np.ndarray) -> None:
        moves_soon = self.moving_at - self.week < 6  # noqa: PLR2004 - weeks before a move
        cooler = np.exp(-0.5 * self.dissatisfaction)
        who = self._chance(0.5 * self.people.engagement * cooler + 0.1 * moves_soon, here)
        looks = self._topic_of_use(who, moves_soon)
        self.journal.note("usage", self.week, who, topic=looks)

    def _topic_of_use(self, who: np.ndarray, moves_soon: np.ndarray) -> np.ndarray:
        about_lease = self.rng.random(len(who)) < np.where(moves_soon[who], 0.5, 0.08)
        return np.where(about_lease, 1, self.rng.integers(2, 4, len(who)))

    def _plan_moves(self, here: np.ndarray) -> None:
        plans = here & np.isinf(self.moving_at) & (self._of_home() < self.people.moving_rate)
        when = self.week + 4 + np.floor(6 * self._of_home())
        self.moving_at = np.where(plans, when, self.moving_at)
        # some move within the city and stay
        stays = (self.moving_at <= self.week) & (self._of_home() > _MOVES_AWAY)
        self.moving_at = np.where(stays, NEVER, self.moving_at)

    def _leave(self, here: np.ndarray) -> None:
        helped, woken = self.outreach.effect(self.week)
        parts = leaving_parts(self.people, self.dissatisfaction, self.price_shock, helped, woken)
        if self.week >= self.competitor_from:
            parts[-1] += TAKES
        total = parts.sum(axis=0)
        who = self._chance(1 - np.exp(-total), here)
        reached = np.cumsum(parts[:, who], axis=0) / np.maximum(total[who], 1e-12)
        self._part(who, 1 + (self.rng.random(len(who)) > reached).sum(axis=0))
        moved = np.flatnonzero(self.here & (self.moving_at <= self.week))
        self._part(moved, np.full(len(moved), CAUSES.index("moving")))

    def _part(self, who: np.ndarray, cause: np.ndarray) -> None:
        self.left_week[who] = self.week
        self.cause[who] = cause

    def _come_back(self) -> None:
        gone = ~np.isinf(self.left_week) & (self.cause != CAUSES.index("moving"))
        who = self._chance(_RETURN_WEEKLY, gone)
        self.journal.note("return", self.week, who, left=self.left_week[who])
        self.left_week[who] = NEVER
        self.dissatisfaction[who] = 0.1
