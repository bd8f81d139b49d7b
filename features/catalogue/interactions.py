# ruff: noqa: RUF001 - Chinese sentences have their own punctuation
"""Dealings with the customer: complaints, contacts, failures, waiting, satisfaction.

Aggregates `interactions`. A kind that the data do not have makes no feature; kinds of the user's
own are counted under their own name.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from features.catalogue.feature import Feature, since
from features.catalogue.moment import (
    SECONDS_PER_HOUR,
    Moment,
    both,
    ratio,
    seconds,
    text_of,
    trend,
)

if TYPE_CHECKING:
    import ibis

#: Surveys and usage are signals, not cases that somebody has to close.
_SIGNALS = ("survey", "usage")
#: Ways customers come that get a share of their own, where the data have them.
CHANNELS = ("phone", "email", "chat", "app", "web", "store")
#: Own kinds beyond these are still counted together with all interactions.
OWN_KINDS_LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of interaction and the windows over which it is counted."""

    kind: str
    what: str
    reason: str
    english: str
    chinese: str
    windows: tuple[int | None, ...]


KINDS = (
    Kind(kind="complaint", what="complaints", reason="COMPLAINTS", english="Complaints",
         chinese="投诉次数", windows=(7, 30, 90, 180, 365, None)),
    Kind(kind="contact", what="contacts", reason="CONTACTS", english="Contacts with us",
         chinese="联系次数", windows=(7, 30, 90, 365)),
    Kind(kind="failure", what="failures", reason="FAILURES", english="Failures",
         chinese="故障次数", windows=(7, 30, 90, 365)),
    Kind(kind="survey", what="surveys", reason="SATISFACTION", english="Surveys answered",
         chinese="问卷次数", windows=(365,)),
    Kind(kind="usage", what="usage", reason="USAGE", english="Times used",
         chinese="使用次数", windows=(7, 30, 90)),
)  # fmt: skip


def own_kinds(kinds: Iterable[str]) -> tuple[Kind, ...]:
    """Name the user's own kinds, so that each gets columns of its own.

    Examples
    --------
    >>> [kind.what for kind in own_kinds(["Late delivery", "complaint"])]
    ['late_delivery']
    """
    known = {kind.kind for kind in KINDS}
    taken = {kind.what for kind in KINDS} | {"interactions", "open_cases"}
    found = []
    for kind in [kind for kind in kinds if kind not in known][:OWN_KINDS_LIMIT]:
        what = re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")
        if not what or what in taken or what[0].isdigit():
            what = f"kind_{hashlib.sha256(kind.encode()).hexdigest()[:8]}"
        taken.add(what)
        found.append(
            Kind(
                kind=kind,
                what=what,
                reason="CONTACTS",
                english=f"Interactions of kind “{kind}”",
                chinese=f"“{kind}”次数",
                windows=(30, 90, 365),
            )
        )
    return tuple(found)


def kind_features(kind: Kind) -> tuple[Feature, ...]:
    """Count one kind over its windows, and say how long ago the last one was."""
    counts = tuple(_kind_count(kind, days) for days in kind.windows)
    recency = _feature(
        f"{kind.what}_recency", "", "days",
        (f"Days since: {kind.english.lower()}", f"距最近一次的天数：{kind.chinese}"),
        reason=kind.reason, needs=("kind",),
        expression=lambda rows: rows.days_since(
            rows.rows.occurred_at.max(where=rows.rows.kind == kind.kind)
        ),
    )  # fmt: skip
    return (*counts, recency)


def _kind_count(kind: Kind, days: int | None) -> Feature:
    english, chinese = since(days)
    return _feature(
        kind.what, "count", "count", (f"{kind.english} {english}", f"{chinese}{kind.chinese}"),
        window_days=days, reason=kind.reason, absent=0.0, needs=("kind",),
        expression=lambda rows: rows.count(rows.within(days, rows.rows.kind == kind.kind)),
    )  # fmt: skip


def _feature(what: str, statistic: str, unit: str, words: tuple[str, str], **more: Any) -> Feature:  # noqa: ANN401 - the record's own fields
    given = {"view": "interactions", "source": "interactions", "lowest": 0.0, **more}
    return Feature(what=what, statistic=statistic, unit=unit, says=text_of(words), **given)


def _count(days: int) -> Feature:
    english, chinese = since(days)
    return _feature(
        "interactions", "count", "count",
        (f"Interactions of any kind {english}", f"{chinese}互动总次数"),
        window_days=days, reason="CONTACTS", absent=0.0,
        expression=lambda rows: rows.count(rows.within(days)),
    )  # fmt: skip


def _mean(what: str, column: str, unit: str, words: tuple[str, str], **more: Any) -> Feature:  # noqa: ANN401 - the record's own fields
    return _feature(
        what, "mean", unit, words, needs=(column,), **more,
        expression=lambda rows: rows.mean(column, rows.within(more["window_days"])),
    )  # fmt: skip


def channel_share(channel: str) -> Feature:
    """Share of interactions of a year that came through one channel."""
    return _feature(
        f"{channel}_channel", "share", "share",
        (f"Share of interactions by {channel} in a year", f"最近一年通过{channel}互动的占比"),
        window_days=365, reason="CONTACTS", highest=1.0, needs=("channel",),
        expression=lambda rows: ratio(
            rows.count(rows.within(365, rows.rows.channel.lower() == channel)),
            rows.count(rows.within(365, rows.rows.channel.notnull())),
        ),
    )  # fmt: skip


def _open(rows: Moment) -> "ibis.Value":
    """Claim that a case is open: nobody had closed it before the cutoff."""
    return rows.rows.resolved_at.isnull() & ~rows.rows.kind.isin(_SIGNALS)


def _resolution_hours(rows: Moment) -> "ibis.Value":
    taken = seconds(rows.rows.resolved_at) - seconds(rows.rows.occurred_at)
    taken = (taken < 0).ifelse(0, taken)  # clocks of two systems: never less than nothing
    where = rows.within(180, rows.rows.resolved_at.notnull())
    return ratio(taken.sum(where=where), taken.count(where=where)) / float(SECONDS_PER_HOUR)


def _repeats(rows: Moment) -> "ibis.Value":
    topic = rows.rows.topic
    where = rows.within(90, both(topic.notnull(), ~rows.rows.kind.isin(_SIGNALS)))
    return topic.count(where=where) - topic.nunique(where=where)


def _satisfaction_change(rows: Moment) -> "ibis.Value":
    return rows.mean("satisfaction", rows.within(180)) - rows.mean(
        "satisfaction", rows.previously(180)
    )


CASES = (
    _feature(
        "open_cases", "count", "count", ("Open cases", "未结案件数"),
        reason="OPEN_CASES", absent=0.0, needs=("kind", "resolved_at"),
        expression=lambda rows: rows.count(_open(rows)),
    ),
    _feature(
        "open_case_age", "max", "days", ("Age of the oldest open case", "最早未结案件的天数"),
        reason="OPEN_CASES", needs=("kind", "resolved_at"),
        expression=lambda rows: rows.days_since(rows.rows.occurred_at.min(where=_open(rows))),
    ),
    _feature(
        "resolution", "mean", "hours",
        ("Mean hours until a case of half a year was closed", "最近180天平均结案小时数"),
        window_days=180, reason="WAITING", needs=("resolved_at",), expression=_resolution_hours,
    ),
    _mean("wait", "wait_minutes", "minutes",
          ("Mean minutes until somebody answered", "最近180天平均等待分钟数"),
          window_days=180, reason="WAITING"),
    _feature(
        "wait", "max", "minutes", ("Longest wait of 90 days", "最近90天最长等待分钟数"),
        window_days=90, reason="WAITING", needs=("wait_minutes",),
        expression=lambda rows: rows.rows.wait_minutes.max(where=rows.within(90)),
    ),
    _mean("handle", "handle_minutes", "minutes",
          ("Mean minutes of work on a case", "最近180天平均处理分钟数"),
          window_days=180, reason="WAITING"),
    _feature(
        "topic_repeats", "count", "count",
        ("Times the customer came back on one topic in 90 days", "最近90天就同一主题重复联系次数"),
        window_days=90, reason="CONTACTS", absent=0.0, needs=("kind", "topic"),
        expression=_repeats,
    ),
)  # fmt: skip

MOOD = (
    _mean("satisfaction", "satisfaction", "level",
          ("Mean satisfaction of half a year, 0 to 1", "最近180天平均满意度（0至1）"),
          window_days=180, reason="SATISFACTION", highest=1.0),
    _feature(
        "satisfaction", "last", "level", ("Last satisfaction, 0 to 1", "最近一次满意度（0至1）"),
        reason="SATISFACTION", highest=1.0, needs=("satisfaction",),
        expression=lambda rows: rows.last("satisfaction"),
    ),
    _feature(
        "satisfaction", "change", "level",
        ("Satisfaction of half a year less that of the half year before", "满意度半年变化"),
        window_days=180, reason="SATISFACTION", lowest=-1.0, highest=1.0,
        needs=("satisfaction",), expression=_satisfaction_change,
    ),
    _mean("sentiment", "sentiment", "level",
          ("Mean tone of 90 days, -1 to 1", "最近90天平均情绪（-1至1）"),
          window_days=90, reason="SATISFACTION", lowest=-1.0, highest=1.0),
    _feature(
        "sentiment", "last", "level", ("Last tone, -1 to 1", "最近一次情绪（-1至1）"),
        reason="SATISFACTION", lowest=-1.0, highest=1.0, needs=("sentiment",),
        expression=lambda rows: rows.last("sentiment"),
    ),
)  # fmt: skip

USAGE_TREND = _feature(
    "usage", "trend", "ratio",
    ("Use of 30 days against the 30 days before, -1 to 1", "最近30天使用与前30天相比（-1至1）"),
    window_days=30, reason="USAGE", lowest=-1.0, highest=1.0, needs=("kind",),
    expression=lambda rows: trend(
        rows.count(rows.within(30, rows.rows.kind == "usage")),
        rows.count(rows.previously(30, rows.rows.kind == "usage")),
    ),
)  # fmt: skip

TOGETHER = (
    _feature(
        "interaction_recency", "", "days",
        ("Days since the last interaction", "距最近一次互动天数"),
        reason="CONTACTS",
        expression=lambda rows: rows.days_since(rows.rows.occurred_at.max()),
    ),
    _count(30),
    _count(90),
    _count(365),
    _feature(
        "first_interaction", "", "days", ("Days since the first interaction", "距首次互动天数"),
        reason="TENURE", listed=False,
        expression=lambda rows: rows.days_since(rows.rows.occurred_at.min()),
    ),
)  # fmt: skip


def features_for(kinds: Iterable[str], channels: Iterable[str]) -> tuple[Feature, ...]:
    """Declare the features of interactions for the kinds and channels that the data have."""
    present, seen = tuple(kinds), set(channels)
    counted = (*(kind for kind in KINDS if kind.kind in present), *own_kinds(present))
    return (
        *TOGETHER,
        *(feature for kind in counted for feature in kind_features(kind)),
        *((USAGE_TREND,) if "usage" in present else ()),
        *CASES,
        *MOOD,
        *(channel_share(channel) for channel in CHANNELS if channel in seen),
    )
