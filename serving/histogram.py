"""A small picture of how risks are spread: plain numbers that the page draws as SVG."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BINS = 25
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEFT, RIGHT, TOP, BOTTOM = 12.0, 380.0, 14.0, 125.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A bar, a line or a tick, in the coordinates of the picture."""

    x: float
    title: str
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Customers by risk, with the cut-offs of the bands."""

    words: Mapping[str, str]
    bars: tuple[Mark, ...]
    cuts: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    highest: str


def histogram(
    risks: pa.ChunkedArray, cuts: Mapping[str, float], words: Mapping[str, str]
) -> Histogram | None:
    """Count risks in equal bins from 0 to a round number above the highest; None without any.

    Examples
    --------
    >>> picture = histogram(pa.chunked_array([[0.1, 0.1, 0.9]]), {"high": 0.5}, {"en": "Churn"})
    >>> sum(bar.height > 0 for bar in picture.bars), picture.highest
    (2, '2')
    """
    known = pc.drop_null(risks).to_numpy()
    if not len(known):
        return None
    # Risks far below 1 would all fall into the first bins.
    end = float(np.clip(np.ceil(known.max() * 10) / 10, 0.1, 1.0))
    counts, edges = np.histogram(known, bins=BINS, range=(0.0, end))
    return Histogram(
        words=words,
        bars=tuple(
            _bar(int(count), int(counts.max()), low / end, high / end, f"{low:.1%} - {high:.1%}")
            for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
        ),
        cuts=tuple(
            Mark(x=_place(cut / end), title=f"{name}: {cut:.1%}")
            for name, cut in cuts.items()
            if cut < end
        ),
        ticks=tuple(
            Mark(x=_place(part), title=f"{100 * part * end:.3g}%")
            for part in (0, 0.25, 0.5, 0.75, 1)
        ),
        highest=f"{counts.max():,}",
    )


def _place(part: float) -> float:
    return round(LEFT + part * (RIGHT - LEFT), 1)


def _bar(count: int, highest: int, start: float, end: float, title: str) -> Mark:
    height = round(count / highest * (BOTTOM - TOP), 1)
    return Mark(
        x=_place(start),
        y=round(BOTTOM - height, 1),
        width=round(_place(end) - _place(start) - 1.5, 1),
        height=height,
        title=f"{title}: {count:,}",
    )
