"""What older models lose to fresh ones, by age, drawn as SVG with real text."""

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 620.0, 260.0, 64.0, 34.0
INK, PALE, COLOUR = "#1c2733", "#9aa5b1", "#2f6ea3"
TICKS = 4


def fading_curve(ages: Sequence[Mapping[str, Any]]) -> str:
    """Draw gained ROC AUC by age, with intervals.

    Parameters
    ----------
    ages : as `training.backtest.backtest` gives them.
    """
    known = [one for one in ages if one["roc_auc_gained"]["low"] is not None]
    ends = [one["roc_auc_gained"][end] for one in known for end in ("low", "high")]
    low, high = min([*ends, -0.01]), max([*ends, 0.01])
    oldest = max([one["age_days"] for one in known], default=1) * 1.06

    def at(age: float, gained: float) -> tuple[float, float]:
        x = _LEFT + age / oldest * (_WIDTH - _LEFT - 14)
        return x, 12 + (high - gained) / (high - low) * (_HEIGHT - _BOTTOM - 12)

    parts = [
        (
            f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" font-size="12" fill="{INK}"'
            ' style="max-width:46rem">'
        ),
        _line([at(0, 0), at(oldest, 0)], PALE, dashed=True),
        _line([at(0, high), at(0, low), at(oldest, low)], INK),
    ]
    for tick in range(TICKS + 1):
        value = low + (high - low) * tick / TICKS
        x, y = at(0, value)
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:+.3f}</text>')
    for one in known:
        gained = one["roc_auc_gained"]
        bottom, top = at(one["age_days"], gained["low"]), at(one["age_days"], gained["high"])
        x, y = at(one["age_days"], gained["value"])
        parts.append(_line([bottom, top], COLOUR))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOUR}"/>')
        below = at(one["age_days"], low)[1] + 17
        parts.append(
            f'<text x="{x:.1f}" y="{below:.1f}" text-anchor="middle">{one["age_days"]}</text>'
        )
    return "".join([*parts, "</svg>"])


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>'
