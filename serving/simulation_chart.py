"""Small pictures of two policies night by night: plain numbers that the page draws as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from serving.page_words import Words

WIDTH, HEIGHT = 400.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 392.0, 12.0, 124.0
#: With more nights than these, dots would hide the lines.
MOST_DOTS = 45
#: Steps between the lines of a scale, times a power of ten.
_STEPS = (1, 2, 2.5, 5, 10)
_LINES = 4


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A dot or a tick, in the coordinates of the picture; `kind` tells the policies apart."""

    x: float
    y: float
    title: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One number of both policies over the nights."""

    words: Words
    lines: Mapping[str, str]
    dots: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    days: tuple[Mark, ...]


def chart(
    words: Words, days: Sequence[str], values: Mapping[str, Sequence[float]], shown: str = ",.0f"
) -> Chart:
    """Draw the values of each policy, from 0 to a round number above the highest.

    Parameters
    ----------
    days : the nights, in order.
    values : by kind of line, one value a night.
    shown : how a value is written.

    Examples
    --------
    >>> picture = chart({"en": "Email"}, ["d1", "d2"], {"old": [0, 10], "new": [5, 9]})
    >>> picture.lines["old"], [level.title for level in picture.levels]
    ('44.0,124.0 392.0,12.0', ['0', '2.5', '5', '7.5', '10'])
    """
    step, top = _scale(max((value for line in values.values() for value in line), default=0))
    places = {
        kind: [(_across(n, len(days)), _up(value, top)) for n, value in enumerate(line)]
        for kind, line in values.items()
    }
    return Chart(
        words=words,
        lines={kind: " ".join(f"{x},{y}" for x, y in points) for kind, points in places.items()},
        dots=tuple(
            Mark(x=x, y=y, kind=kind, title=f"{day}: {value:{shown}}")
            for kind, points in places.items()
            for day, (x, y), value in zip(days, points, values[kind], strict=True)
            if len(days) <= MOST_DOTS
        ),
        levels=tuple(
            Mark(x=LEFT, y=_up(n * step, top), title=_short(n * step))
            for n in range(round(top / step) + 1)
        ),
        days=tuple(
            Mark(x=_across(n, len(days)), y=HEIGHT, title=days[n])
            for n in sorted({0, len(days) - 1})
        ),
    )


def _scale(highest: float) -> tuple[float, float]:
    """Return a round step and a multiple of it that is not below the highest value."""
    if highest <= 0:
        return 1.0, 1.0
    rough = highest / _LINES
    power = 10.0 ** floor(log10(rough))
    step = next(power * one for one in _STEPS if power * one * (1 + 1e-9) >= rough)
    return step, step * ceil(highest / step - 1e-9)


def _across(number: int, count: int) -> float:
    part = number / (count - 1) if count > 1 else 0.5
    return round(LEFT + part * (RIGHT - LEFT), 1)


def _up(value: float, top: float) -> float:
    return round(BOTTOM - value / top * (BOTTOM - TOP), 1)


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,g}"  # noqa: PLR2004 - a width
