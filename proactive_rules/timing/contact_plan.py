"""When each customer would be contacted through each channel, and how well that fits them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from proactive_rules.expected_value import Treatment
from proactive_rules.policy.records import Policy
from proactive_rules.situation import Situation
from proactive_rules.timing.answering import Answering
from proactive_rules.timing.channel_fit import channel_fit
from proactive_rules.timing.contact_hours import PLANNED_WITHIN, contact_hours

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ContactPlan:
    """The best hour for every customer, channel and time there is.

    Attributes
    ----------
    index : (n, C) response through each channel, relative to the usual.
    instants : by time there is until the deadline, (n, C) microseconds since 1970; -1: none.
    lift : likewise, response at that hour relative to the channel's average hour.
    """

    channels: tuple[str, ...]
    answering: Answering
    index: Numbers
    instants: Mapping[timedelta, NDArray[np.int64]]
    lift: Mapping[timedelta, Numbers]

    def at(self, treatment: Treatment) -> NDArray[np.int64]:
        """Return when it would be done, (n,) microseconds since 1970; -1 where no hour is open."""
        return self.instants[_span(treatment)][:, self.channels.index(treatment.channel)]

    def fit(self, treatment: Treatment) -> Numbers:
        """Return the response that channel and hour promise, relative to the usual."""
        place = self.channels.index(treatment.channel)
        return self.index[:, place] * self.lift[_span(treatment)][:, place]


def plan_contacts(
    situation: Situation,
    policy: Policy,
    chosen: tuple[Treatment, ...],
    answering: Answering | None = None,
) -> ContactPlan:
    """Choose the hour of every customer and channel from past responses, outside quiet hours."""
    who = pa.table(
        {
            "customer_id": situation.customers["customer_id"],
            **{name: situation.texts(name) for name in ("segment", "preferred_channel")},
        }
    )
    fit = channel_fit(who, situation.responses, policy.channels, answering)
    instants, lift = {}, {}
    for span in sorted({_span(one) for one in chosen}):
        open_hours = contact_hours(
            situation.texts("local_time_zone"),
            situation.as_of,
            span,
            policy.quiet,
            situation.time_zone,
        )
        hour, lift[span] = fit.best_hour(open_hours.allowed)
        if not fit.answering.asked:  # a neutral hour promises nothing
            lift[span] = np.ones(hour.shape)
        instants[span] = np.column_stack(
            [open_hours.instant(hour[:, place]) for place in range(hour.shape[1])]
        )
    return ContactPlan(
        channels=policy.channels,
        answering=fit.answering,
        index=fit.index,
        instants=instants,
        lift=lift,
    )


def _span(treatment: Treatment) -> timedelta:
    """Return the time there is; longer deadlines are all planned within the first day."""
    return min(treatment.action.due_in, PLANNED_WITHIN)
