"""Observed shares over predicted risks of one or two models, drawn as SVG with real text."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil

_SIZE, _LEFT, _BOTTOM = 360.0, 48.0, 34.0
_COLOURS = ("#2f6ea3", "#b0463c")
INK, PALE = "#1c2733", "#9aa5b1"
TICKS = 4


def calibration_curve(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Draw a curve for each model.

    Parameters
    ----------
    curves : by name, `predicted` and `observed` of each bin, from 0 to 1.
    """
    values = [bin_[name] for bins in curves.values() for bin_ in bins for name in bin_]
    most = min(1.0, ceil(10 * max([*values, 0.01])) / 10)

    def at(x: float, y: float) -> tuple[float, float]:
        room = _SIZE - _LEFT - 20
        high = _SIZE - _BOTTOM - 12
        return _LEFT + x / most * room, _SIZE - _BOTTOM - y / most * high

    parts = [
        (
            f'<svg viewBox="0 0 {_SIZE:g} {_SIZE:g}" role="img" font-size="12" fill="{INK}"'
            ' style="max-width:30rem">'
        ),
        _line([at(0, 0), at(most, most)], PALE, dashed=True),
        _line([at(0, most), at(0, 0), at(most, 0)], INK),
    ]
    for tick in range(TICKS + 1):
        share = most * tick / TICKS
        x, y = at(share, 0), at(0, share)
        parts.append(_text(x[0], x[1] + 16, f"{share:.0%}", "middle"))
        parts.append(_text(y[0] - 6, y[1] + 4, f"{share:.0%}", "end"))
    for place, (name, bins) in enumerate(curves.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = [at(one["predicted"], one["observed"]) for one in bins]
        parts.append(_line(points, colour))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        parts.append(
            f'<text x="{_LEFT + 10:g}" y="{24 + 17 * place:g}" fill="{colour}"'
            f' font-weight="600">{escape(name)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
