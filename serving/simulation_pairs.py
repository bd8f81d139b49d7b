"""Numbers of two policies side by side: as text, as bars on one scale, and how they differ."""

# ruff: noqa: RUF001, RUF002 - a dash for what is not there, and a minus as long as a plus

from collections.abc import Sequence
from dataclasses import dataclass

from serving.page_words import Words

Numbers = Sequence[float | None]
NOTHING, MINUS, SAME = "–", "−", "±0"
#: From here on cents do not matter.
_LARGE = 1000


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A number of both policies; bars are in percent of the longest."""

    words: Words
    old: str
    new: str
    change: str = ""
    relative: str = ""
    old_part: float = 0.0
    new_part: float = 0.0
    note: str = ""


def pair(words: Words, numbers: Numbers, most: float = 1) -> Pair:
    """Write both numbers and their difference; None where a policy knows no such thing."""
    old, new = numbers
    change, relative = "", ""
    if old is not None and new is not None:
        change, relative = change_in(old, new), relative_change(old, new)
    return Pair(
        words=words,
        old=number(old),
        new=number(new),
        change=change,
        relative=relative,
        old_part=part(old, most),
        new_part=part(new, most),
    )


def bars(pairs: Sequence[tuple[Words, Numbers]]) -> list[Pair]:
    """Lay pairs out on one scale."""
    most = highest([numbers for _, numbers in pairs])
    return [pair(words, numbers, most) for words, numbers in pairs]


def highest(pairs: Sequence[Numbers]) -> float:
    """Return the highest number, and 1 where all are 0."""
    return max([one for numbers in pairs for one in numbers if one], default=0.0) or 1.0


def part(value: float | None, most: float) -> float:
    """Return the length of a bar in percent."""
    return round(100 * max(0.0, min((value or 0) / most, 1)), 2)


def change_in(old: float, new: float) -> str:
    """Say by how much a number differs.

    >>> change_in(200, 150), change_in(0, 3), change_in(5, 5)
    ('−50', '+3', '±0')
    """
    if number(old) == number(new):
        return SAME
    return f"{'+' if new > old else MINUS}{number(abs(new - old))}"


def relative_change(old: float, new: float) -> str:
    """Say by which part a number differs; nothing where there is no whole.

    >>> relative_change(200, 150), relative_change(0, 3)
    ('−25.0%', '')
    """
    if old <= 0 or number(old) == number(new):
        return ""
    return f"{(new - old) / old:+.1%}".replace("-", MINUS)


def points(old: float, new: float) -> str:
    """Say by how many percentage points a share differs."""
    said = f"{100 * (new - old):+.2f}".replace("-", MINUS)
    return SAME if said[1:] == "0.00" else said


def number(value: float | None) -> str:
    """Write a number: counts whole, small amounts with cents."""
    if value is None:
        return NOTHING
    if isinstance(value, int) or abs(value) >= _LARGE:
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def percent(share: float | None) -> str:
    """Write a share."""
    return NOTHING if share is None else f"{share:.1%}"
