"""What we sent before, and how it was answered.

Aggregates `contacts` that were sent; contacts held out for comparison never reached anybody.
"""

from typing import TYPE_CHECKING, Any

from features.catalogue.feature import Feature, since
from features.catalogue.moment import Moment, both, ratio, text_of

if TYPE_CHECKING:
    import ibis


def _feature(what: str, statistic: str, unit: str, words: tuple[str, str], **more: Any) -> Feature:  # noqa: ANN401 - the record's own fields
    given = {
        "view": "outreach", "source": "contacts", "lowest": 0.0, "reason": "OUTREACH", **more,
    }  # fmt: skip
    return Feature(what=what, statistic=statistic, unit=unit, says=text_of(words), **given)


def _sent(contacts: Moment, days: int | None = None) -> "ibis.Value":
    return contacts.within(days, contacts.rows.sent)


def _answered(contacts: Moment, days: int) -> "ibis.Value":
    return both(_sent(contacts, days), contacts.rows.outcome.notnull())


def _outreach_count(days: int) -> Feature:
    english, chinese = since(days)
    return _feature(
        "outreach", "count", "count", (f"Times we wrote or called {english}", f"{chinese}外联次数"),
        window_days=days, absent=0.0,
        expression=lambda contacts: contacts.count(_sent(contacts, days)),
    )  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    _feature(
        "outreach_recency", "", "days", ("Days since we last wrote or called", "距上次外联天数"),
        expression=lambda contacts: contacts.days_since(
            contacts.rows.sent_at.max(where=_sent(contacts))
        ),
    ),
    _outreach_count(30),
    _outreach_count(90),
    _outreach_count(365),
    _feature(
        "outreach_answered", "count", "count",
        ("Outreach of a year that was answered", "最近一年有回应的外联次数"),
        window_days=365, absent=0.0, needs=("outcome",),
        expression=lambda contacts: contacts.count(_answered(contacts, 365)),
    ),
    _feature(
        "outreach_answered", "rate", "rate",
        ("Share of a year's outreach that was answered", "最近一年外联回应率"),
        window_days=365, highest=1.0, needs=("outcome",),
        expression=lambda contacts: ratio(
            contacts.count(_answered(contacts, 365)), contacts.count(_sent(contacts, 365))
        ),
    ),
)  # fmt: skip
