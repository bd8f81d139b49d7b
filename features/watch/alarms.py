# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""What is wrong with what arrives, each cause by its own name and none taken for another.

A feed that is silent explains why customers seem to be; a unit that changed does not change how
many rows there are. So causes are looked for in that order, and what one explains is told once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from features.watch.daily import Daily, Stream
from features.watch.rates import Shift, shifted
from features.watch.silence import silent
from features.watch.units import Moved, moved
from features.watch.windows import Window

FEED_SILENT, COLUMN_EMPTY = "feed_silent", "column_empty"
UNIT_CHANGED, BEHAVIOUR_SHIFT = "unit_changed", "behaviour_shift"
#: An alarm is followed back so many nights at most.
FOLLOWED = 60
#: While a feed was silent within so many days, its rates say nothing of customers.
UNCERTAIN = 28


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Something to look at, with what to do about it.

    Attributes
    ----------
    code : of the cause; subject : the stream or column it is about.
    since : the first night, without a break, that shows it.
    figures : what it was seen by.
    """

    code: str
    subject: str
    since: date
    en: str
    zh: str
    figures: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"since": self.since.isoformat()}


def alarms(
    daily: Daily,
    streams: Sequence[Stream],
    outcomes: Sequence[str],
    as_of: date,
    back: int = 0,
) -> tuple[Alarm, ...]:
    """Look at everything that arrives.

    Parameters
    ----------
    daily : counted before some midnight.
    outcomes : streams of which more is bad: complaints, cancellations.
    as_of : the night of that midnight.
    back : so many nights before it.

    Returns
    -------
    Feeds first, then columns, then customers.
    """
    day = as_of - timedelta(days=back)
    return (
        *_feeds(daily, streams, day, back),
        *_columns(daily, streams, day, back),
        *_rates(daily, streams, outcomes, day, back),
    )


def _feeds(daily: Daily, streams: Sequence[Stream], day: date, back: int) -> Iterator[Alarm]:
    for stream in streams:
        found = _silence(daily, stream, back)
        if found is None or stream.table == "contracts":
            continue
        nights = _followed(lambda n, one=stream: _silence(daily, one, n), back)
        yield _silent(stream, found, day - timedelta(days=nights))


def _columns(daily: Daily, streams: Sequence[Stream], day: date, back: int) -> Iterator[Alarm]:
    for stream in streams:
        for column in stream.values:
            rows = daily.values[stream.name, column]
            found = moved(rows, back)
            if found is not None:
                nights = _followed(lambda n, rows=rows: moved(rows, n), back)
                yield _moved(stream, column, found, day - timedelta(days=nights))


def _rates(
    daily: Daily, streams: Sequence[Stream], outcomes: Sequence[str], day: date, back: int
) -> Iterator[Alarm]:
    for stream in streams:
        down = stream.table == "orders"
        if (not down and stream.name not in outcomes) or _was_silent(daily, stream, back):
            continue

        def look(nights: int, stream: Stream = stream, *, down: bool = down) -> Shift | None:
            return shifted(daily.series(stream.name, nights), down=down)

        found = look(back)
        if found is not None:
            yield _shifted(stream, found, day - timedelta(days=_followed(look, back)))


def _was_silent(daily: Daily, stream: Stream, back: int) -> bool:
    nights = range(back, min(back + UNCERTAIN, max(daily.reach, back + 1)))
    return any(_silence(daily, stream, night) is not None for night in nights)


def _silence(daily: Daily, stream: Stream, back: int) -> Window | None:
    asked = (stream.name, back)
    if asked not in daily.looked:
        daily.looked[asked] = silent(daily.series(stream.name, back))
    return daily.looked[asked]


def _followed(look: Any, back: int) -> int:  # noqa: ANN401 - any of the looks above
    """Return for how many nights before this one the same was seen."""
    for nights in range(1, FOLLOWED + 1):
        if look(back + nights) is None:
            return nights - 1
    return FOLLOWED


def _silent(stream: Stream, found: Window, since: date) -> Alarm:
    words = (
        f"{found.rows:,} rows in {_days(found.days)}, {found.usual:,.0f} are usual",
        f"{found.days} 天内 {found.rows:,} 行，通常为 {found.usual:,.0f} 行",
    )
    where = _where(stream)
    return Alarm(
        code=FEED_SILENT, subject=stream.name, since=since,
        en=f"The feed of {where} is silent: {words[0]}. Until it is mended customers only seem"
        f" quiet: ask whoever delivers {stream.table}, ingest again, and repeat the night with"
        " --supersede.",
        zh=f"{where} 的数据源中断：{words[1]}。恢复前客户只是看似沉默："
        f"请联系 {stream.table} 的提供方，"
        "重新导入后以 --supersede 重跑当晚名单。",
        figures={"days": found.days, "rows": found.rows, "usual": found.usual},
    )  # fmt: skip


def _moved(stream: Stream, column: str, found: Moved, since: date) -> Alarm:
    where = f"{_where(stream)}, {column}"
    subject = f"{stream.name}.{column}"
    figures = {
        "days": found.days, "factor": found.factor, "filled": found.filled,
        "usually_filled": found.usually_filled,
    }  # fmt: skip
    if found.factor is None:
        return Alarm(
            code=COLUMN_EMPTY, subject=subject, since=since,
            en=f"{where} ran empty: {found.filled:.0%} of rows have a value,"
            f" {found.usually_filled:.0%} are usual. Ask whoever delivers it, and ingest again.",
            zh=f"{where} 变空：{found.filled:.0%} 的行有值，通常为 {found.usually_filled:.0%}。"
            "请联系数据提供方并重新导入。",
            figures=figures,
        )  # fmt: skip
    likely = (
        f", as between {found.likely}"
        if "and" in found.likely
        else (f", as with {found.likely}" if found.likely else "")
    )
    return Alarm(
        code=UNIT_CHANGED, subject=subject, since=since,
        en=f"The unit of {where} seems to have changed: values are {found.factor:.3g} times what"
        f" they were{likely}. Set the mapping in forestay.yaml right for the new rows, and ingest"
        " again.",
        zh=f"{where} 的单位似乎已改变：数值为原来的 {found.factor:.3g} 倍。"
        "请在 forestay.yaml 中修正新数据的映射并重新导入。",
        figures=figures,
    )  # fmt: skip


def _shifted(stream: Stream, found: Shift, since: date) -> Alarm:
    word, chinese = ("fewer", "减少") if found.ratio < 1 else ("more", "增加")
    return Alarm(
        code=BEHAVIOUR_SHIFT, subject=stream.name, since=since,
        en=f"Customers changed: {abs(found.ratio - 1):.0%} {word} {_where(stream)} than usual"
        f" ({found.rows:,} in {_days(found.days)}, {found.usual:,.0f} are usual), while all rows"
        " arrive and mean what they did. Look for a reason outside (a competitor, a price, a"
        " failure); risks learnt before it are too low or too high until `forestay retrain`.",
        zh=f"客户行为改变：{_where(stream)} 比通常{chinese} {abs(found.ratio - 1):.0%}"
        f"（{found.days} 天 {found.rows:,}，通常 {found.usual:,.0f}），而数据到达正常、含义未变。"
        "请查找外部原因（竞争者、价格、故障）；重新训练（forestay retrain）之前风险水平不准。",
        figures={"days": found.days, "rows": found.rows, "usual": found.usual},
    )  # fmt: skip


def _where(stream: Stream) -> str:
    return stream.name if stream.kind is None else f"{stream.table} ({stream.kind})"


def _days(count: int) -> str:
    return "one day" if count == 1 else f"{count} days"
