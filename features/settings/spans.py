"""Words for time in configuration files: durations, dates, instants, time zones.

Every parser raises ValueError for what it cannot read; the reader of the field words the fault.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SPAN = re.compile(r"([1-9]\d{0,4}) ?(min|h|d|w)")
_EVERY = re.compile(r"([1-9]\d{0,3}) ?(d|w|mo)")
_MINUTES = {"min": 1, "h": 60, "d": 60 * 24, "w": 60 * 24 * 7}


def parse_span(text: str) -> timedelta:
    """Read a fixed length of time; months are refused because they have none.

    >>> parse_span("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = _SPAN.fullmatch(text)
    if not found:
        raise ValueError(text)
    return timedelta(minutes=int(found[1]) * _MINUTES[found[2]])


def parse_every(text: str) -> str:
    """Read the rhythm of snapshots, as days or calendar months.

    >>> parse_every("2w"), parse_every("1mo")
    ('14d', '1mo')
    """
    found = _EVERY.fullmatch(text)
    if not found:
        raise ValueError(text)
    return f"{int(found[1]) * 7}d" if found[2] == "w" else f"{found[1]}{found[2]}"


def parse_day(text: str) -> date:
    """Read a calendar day, `2026-03-10`; nothing shorter, nothing longer."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def parse_present(text: str, zone: ZoneInfo) -> datetime:
    """Read an instant; a day means the midnight that starts it, a naive time the zone's own."""
    try:
        found = datetime.combine(parse_day(text), time())
    except ValueError:
        if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
            raise
        found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def parse_zone(text: str) -> str:
    """Read an IANA name such as `Europe/London`."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*", text):
        raise ValueError(text)
    try:
        ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise ValueError(text) from error
    return text


def parse_share(text: str) -> float:
    """Read a share from 0 to 1, or in percent.

    >>> parse_share("5%")
    0.05
    """
    number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number
