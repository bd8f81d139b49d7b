"""The sum behind one risk as a picture: from the base value, feature by feature, to the margin.

Drawn as SVG with real text, so that it prints sharp and can be searched; the waterfall of the
`shap` package draws text as it likes and only through pyplot's global state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

#: Contributions shown one by one; the others are one bar.
SHOWN = 12
_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 940, 26, 330, 70, 30
UP, DOWN, INK = "#b0463c", "#2f6ea3", "#1c2733"
DASHED = 'stroke="#9aa5b1" stroke-dasharray="3 3"'


@dataclass(frozen=True, kw_only=True)
class Sum:
    """One sum: base, contributions by feature (signed, on the log-odds), margin."""

    base: float
    contributions: Mapping[str, float]
    margin: float


def waterfall(one: Sum, labels: Mapping[str, str], others: str, ends: Sequence[str]) -> str:
    """Draw a sum.

    Parameters
    ----------
    labels : what each feature is called in the picture, its value included.
    others : word for those that are not shown one by one.
    ends : words for base and margin.
    """
    steps = _steps(one, labels, others)
    places = [one.base]
    for _, value in steps:
        places.append(places[-1] + value)
    low, high = min(*places, one.margin), max(*places, one.margin)
    room = (_WIDTH - _LEFT - _RIGHT) / (high - low or 1.0)

    def x(value: float) -> float:
        return _LEFT + (value - low) * room

    height = _TOP + _ROW * (len(steps) + 1) + 24
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" font-size="12.5" fill="{INK}">',
        *_end(x(one.base), f"{ends[0]} {one.base:+.3f}", 16, height),
    ]
    for row, (label, value) in enumerate(steps):
        parts += _bar(x, (places[row], value), label, _TOP + row * _ROW)
    parts += _end(x(one.margin), f"{ends[1]} {one.margin:+.3f}", height - 6, height)
    return "".join([*parts, "</svg>"])


def _steps(one: Sum, labels: Mapping[str, str], others: str) -> list[tuple[str, float]]:
    ordered = sorted(one.contributions.items(), key=lambda item: (-abs(item[1]), item[0]))
    shown = [(labels[name], value) for name, value in ordered[:SHOWN]]
    rest = [value for _, value in ordered[SHOWN:]]
    return [*shown, (f"{len(rest)} {others}", sum(rest))] if rest else shown


def _end(x: float, text: str, y: int, height: int) -> list[str]:
    side = "start" if x < _WIDTH / 2 else "end"
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="22" y2="{height - 20}" {DASHED}/>',
        f'<text x="{x:.1f}" y="{y}" text-anchor="{side}" font-weight="600">{escape(text)}</text>',
    ]


def _bar(x: Callable[[float], float], step: tuple[float, float], label: str, y: int) -> list[str]:
    start, value = step
    left, right = sorted((x(start), x(start + value)))
    colour = UP if value > 0 else DOWN
    wide = max(right - left, 1.0)
    text = label if len(label) <= 46 else f"{label[:45]}…"  # noqa: PLR2004 - what fits beside
    return [
        f'<text x="{_LEFT - 12}" y="{y + 16}" text-anchor="end">{escape(text)}</text>',
        f'<rect x="{left:.1f}" y="{y + 4}" width="{wide:.1f}" height="17" fill="{colour}"/>',
        f'<text x="{right + 6:.1f}" y="{y + 16}" fill="{colour}">{value:+.3f}</text>',
    ]
