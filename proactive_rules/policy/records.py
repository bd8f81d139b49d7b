"""The policy as frozen records: what may be done, for whom, how often, and with what means.

`file` reads a workspace's `policy.yaml` into these and checks it; `sentences` words the
codes that decisions carry. Nothing here decides.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import time, timedelta
from functools import cached_property
from typing import Any, Literal

LANGUAGES = ("en", "zh")
#: Raise it when the same policy comes to mean something else: lists made before then are others.
FORMAT = 1
Risk = Literal["churn", "complaint"]
RISKS: tuple[Risk, ...] = ("churn", "complaint")
Purpose = Literal["service", "marketing"]
ANY_CHANNEL = "any"
Words = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One SQL expression over a customer's row, and its place in the file for messages."""

    sql: str
    where: str = "policy.yaml"


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something we may do for a customer, through one of its channels.

    Attributes
    ----------
    lowers : the risk it lowers; None where it lowers none, and `effect` is a chance it adds.
    costs, minutes : currency and minutes of the owner's work by channel; their keys are the
        channels, in the order of the file.
    when : to whom it applies; may read `cutoff`, the risk from which it pays.
    effect : declared: the relative change of the risk (-0.2: a fifth less), or the chance added.
    value : what is at stake, in the currency; None: the customer's year.
    cutoff : a typed cut-off in place of the computed one.
    """

    name: str
    purpose: Purpose
    lowers: Risk | None
    costs: Mapping[str, float]
    minutes: Mapping[str, float]
    when: Condition
    effect: float
    owner: str
    due_in: timedelta
    cooldown: timedelta | None = None
    value: Condition | None = None
    cutoff: float | None = None
    say: Words = field(default_factory=dict)
    playbook: Words = field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels it may go through."""
        return tuple(self.costs)


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """A reason to leave customers alone, but for the actions it excepts."""

    name: str
    when: Condition
    excepted: tuple[str, ...] = ()
    say: Words = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FrequencyCap:
    """At most `most` contacts in any `within`; those of exempt purposes count, but are not kept."""

    channel: str
    most: int
    within: timedelta
    exempt: tuple[Purpose, ...] = ("service",)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What contacts may cost, in the currency, in any `per`."""

    amount: float
    per: timedelta


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Who is left out at random to measure: of everything, and of each action."""

    everything: float = 0.0
    per_action: float = 0.0
    key: str = "forestay"


@dataclass(frozen=True, kw_only=True)
class HumanReview:
    """Which contacts a person looks at first: a share drawn at random, and always some."""

    share: float
    always_when: Condition | None
    owner: str
    hours_per_day: float
    minutes: float


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """Local time in which nobody is contacted; `begin` may be later than `end`."""

    begin: time
    end: time


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """Contacted shares at equal expected value differ by at most `within` between groups."""

    by: str
    within: float


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything that turns features and scores into decisions.

    Attributes
    ----------
    silence : by purpose, whether a customer who was never asked may be contacted.
    capacity, hours : contacts a day by channel, and hours of work a day by owner.
    languages : by channel, the languages it speaks; a channel that is not here speaks all.
    reserve_for : how long after its deadline a decided contact still holds its place.
    answered : which past contacts count as answered, over the columns of `contacts`.
    """

    version: str
    actions: tuple[Action, ...]
    suppress: tuple[Suppression, ...] = ()
    limits: tuple[FrequencyCap, ...] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)
    budget: Budget | None = None
    holdout: Holdout = field(default_factory=Holdout)
    review: HumanReview | None = None
    silence: Mapping[Purpose, bool] = field(
        default_factory=lambda: {"service": True, "marketing": False}
    )
    quiet: QuietHours | None = None
    languages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reserve_for: timedelta = timedelta(days=7)
    fairness: Fairness | None = None
    answered: Condition = field(default_factory=lambda: Condition(sql="outcome IS NOT NULL"))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that can change a decision or its words; not of how it is written."""
        content = json.dumps([FORMAT, _meaning(asdict(self))], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def label(self) -> str:
        """Version as the list shows it: the user's own number, and what it stands for."""
        return f"{self.version}-{self.fingerprint[:8]}"

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of all actions, each once, sorted."""
        return tuple(sorted({channel for action in self.actions for channel in action.channels}))

    def action(self, name: str) -> Action:
        """Return the action of that name; KeyError when the policy has none."""
        return {action.name: action for action in self.actions}[name]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every expression over a customer's row."""
        found = [
            *(rule.when for rule in self.suppress),
            *(action.when for action in self.actions),
            *(action.value for action in self.actions if action.value),
        ]
        if self.review and self.review.always_when:
            found.append(self.review.always_when)
        return tuple(found)

    @property
    def looks_back(self) -> timedelta:
        """How far back contacts can matter to caps, cooldowns, budget and reservations."""
        spans = [limit.within for limit in self.limits]
        spans += [action.cooldown for action in self.actions if action.cooldown]
        spans += [action.due_in + self.reserve_for for action in self.actions]
        if self.budget:
            spans.append(self.budget.per)
        return max(spans)


def _meaning(found: Any) -> Any:  # noqa: ANN401 - plain data of any kind
    """Leave out where things stood in the file.

    The reader sorts what has no order; that of suppressions counts: the first is the one told.
    """
    if isinstance(found, dict):
        return {name: _meaning(value) for name, value in found.items() if name != "where"}
    if isinstance(found, (list, tuple)):
        return [_meaning(one) for one in found]
    return found
