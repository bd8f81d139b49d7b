"""What all past sends together say of how people answer: learnt once a night, kept with its record.

With it, how well a channel and an hour fit is a function of the customer's own row and sends alone.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Answering:
    """What all past sends together say of how people answer; with it a customer stands alone.

    Attributes
    ----------
    segments : those that rates and curves are known of, in order; the unknown comes last.
    asked : whether anything was ever sent.
    overall : chance of an answer, over everything.
    strength : for how many of a customer's own sends the rates count.
    rates : (segments + 1, channels, match to the stated channel).
    curve : (segments + 1, channels, 24), each hour relative to the channel's average.
    """

    segments: tuple[str, ...]
    asked: bool
    overall: float
    strength: float
    rates: Numbers
    curve: Numbers

    def as_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {
            "segments": list(self.segments),
            "rates": self.rates.tolist(),
            "curve": self.curve.tolist(),
        }


def answering_from_data(data: Mapping[str, Any]) -> Answering:
    """Rebuild from plain data, as `as_data` gave it."""
    arrays = {name: np.array(data[name], dtype=np.float64) for name in ("rates", "curve")}
    return Answering(**{**data, **arrays, "segments": tuple(data["segments"])})
