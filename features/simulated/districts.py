"""Districts and the failures that strike one of them at a time, shared by all customers."""

from dataclasses import dataclass

import numpy as np

from features.simulated.weeks import WEEKS

DISTRICTS = (
    "North Quay",
    "Mill Park",
    "Old Harbour",
    "Station Quarter",
    "Garden Village",
    "West Field",
    "University Hill",
    "Canal Side",
    "East Docks",
    "Lake View",
    "South Gate",
    "Tower Square",
)
FAILURES = ("heating", "lift", "network")
#: Failures of each kind a district has in an average week.
_WEEKLY = np.array([0.035, 0.05, 0.045])
#: How much worse than the average a district's buildings are.
_WEAR = np.array([0.6, 0.7, 1.9, 1.0, 0.5, 0.9, 1.2, 1.0, 2.1, 0.7, 1.1, 0.8])


@dataclass(frozen=True, kw_only=True)
class Failures:
    """What broke in each week: arrays of shape (weeks, districts, kinds).

    ``share`` of the homes struck (0 where nothing broke), ``days`` until it was mended, and
    ``load`` per (week, district): how much longer everybody waits at the service desk.
    """

    share: np.ndarray
    days: np.ndarray
    load: np.ndarray


def draw_failures(rng: np.random.Generator) -> Failures:
    """Draw the calendar of failures; heating breaks mostly in the cold half of the year."""
    weeks = np.arange(WEEKS)
    # week 0 is early May: the cosine is lowest in summer
    cold = 1 - np.cos(2 * np.pi * (weeks - 12) / 52.18)
    seasonal = np.stack([cold, np.ones(WEEKS), np.ones(WEEKS)], axis=1)
    rate = seasonal[:, None, :] * _WEAR[None, :, None] * _WEEKLY
    struck = rng.random(rate.shape) < 1 - np.exp(-rate)
    share = np.where(struck, rng.uniform(0.3, 0.85, rate.shape), 0.0)
    days = np.where(struck, 0.3 + rng.gamma(1.4, 1.5, rate.shape), 0.0)
    own = (share * np.minimum(days, 5)).sum(axis=2)
    load = 1 + 0.35 * own + 0.15 * own.sum(axis=1, keepdims=True)
    return Failures(share=share, days=days, load=load)
