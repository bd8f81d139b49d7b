"""How customers answer: through which channel and at which hour, which they do not say.

The company sees a stated channel and past answers; the rest is hidden here, drawn from a generator
of its own, so that nothing else in the company depends on it. `truth/responses.parquet` keeps it.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.simulated.customers import ABROAD_ZONE, CHANNELS, People
from features.simulated.journal import Columns
from features.simulated.weeks import TIME_ZONE

#: Chance of an answer to a message that helps nobody, through a middling channel and hour.
NEUTRAL = 0.25
#: Hours, on the company's clock, at which past messages went out.
SENDING_HOURS = np.arange(9, 21)
_HIGHEST = 0.95
#: Chance of trying a channel other than the stated one, where the customer allows one.
_EXPLORES = 0.4
#: Logarithm of what the stated channel is better than the others, and how far people differ.
_STATED, _DIFFER = 0.58, 0.38
#: So that past messages, mostly through the stated channel, are as welcome as without all this.
_LEVEL = -0.43
#: The same by segment, through email, phone and app.
_TASTE = np.array(
    [
        [-0.20, -0.25, 0.35],
        [0.00, -0.15, 0.15],
        [0.15, 0.00, -0.10],
        [-0.10, 0.35, -0.35],
        [0.20, -0.25, 0.00],
    ]
)
#: The hour at which each segment answers best, and how far its members differ from it.
_PEAK, _SHIFT = np.array([20.0, 18.5, 17.0, 10.0, 13.0]), 1.3
#: The rest of the day next to the peak, and the peak's width in hours.
_FLOOR, _WIDTH = 0.45, 2.5


class Answers:
    """Hidden habits of one chunk's customers: `affinity` (n, channels) and `peak` hour (n)."""

    def __init__(self, people: People, rng: np.random.Generator) -> None:
        self._people, self._rng = people, rng
        count = len(people)
        stated = _STATED * (people.channel[:, None] == np.arange(len(CHANNELS)))
        own = rng.normal(0.0, _DIFFER, (count, len(CHANNELS)))
        self.affinity = np.exp(_LEVEL + stated + _TASTE[people.segment] + own)
        self.peak = (_PEAK[people.segment] + rng.normal(0.0, _SHIFT, count)) % 24

    def send(self, seen: Columns, days: np.ndarray, consent: np.ndarray) -> Columns:
        """Choose channel and hour of past messages, and let the customers answer.

        Parameters
        ----------
        seen : past outreach as `Outreach` noted it.
        days : any instant of the day of each message.
        consent : whether each customer allows each channel.

        Returns
        -------
        `seen` with `channel`, `sent` (company's clock) and `answered`.
        """
        who, count = seen["who"], len(days)
        channel = self._channels(who, consent)
        minutes = 60 * self._rng.choice(SENDING_HOURS, count) + self._rng.integers(0, 60, count)
        sent = days.astype("datetime64[D]") + minutes.astype("timedelta64[m]")
        sent = sent.astype("datetime64[us]")
        fits = self.affinity[who, channel] * hour_factor(
            self.peak[who], local_hours(sent, self._people.abroad[who])
        )
        chance = np.minimum(seen.get("base", np.empty(0)) * fits, _HIGHEST)
        answered = seen.get("luck", np.empty(0)) < chance
        return {**seen, "channel": channel, "sent": sent, "answered": answered}

    def _channels(self, who: np.ndarray, consent: np.ndarray) -> np.ndarray:
        stated = self._people.channel[who]
        liking = self._rng.random((len(who), len(CHANNELS))) * consent[who]
        liking[np.arange(len(who)), stated] = 0.0
        other = liking.argmax(axis=1)
        explores = (self._rng.random(len(who)) < _EXPLORES) & (liking.max(axis=1) > 0)
        return np.where(explores, other, stated)

    def truth(self) -> pa.Table:
        """Write the habits; `answer_chances` makes chances of them."""
        affinity = {f"affinity_{name}": self.affinity[:, k] for k, name in enumerate(CHANNELS)}
        return pa.table(
            {"customer_id": self._people.customer_id, **affinity, "peak_hour": self.peak}
        )


def hour_factor(peak: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Return how much better than in the middle of the sending hours one answers at an hour.

    Parameters
    ----------
    peak : hour at which each customer answers best, 0 to 24, on his own clock.
    hour : the customer's own hour, whole; it begins the sixty minutes it stands for.
    """
    usual = _height(peak[..., None], SENDING_HOURS).mean(axis=-1)
    return _height(peak, hour) / usual


def _height(peak: np.ndarray, hour: np.ndarray) -> np.ndarray:
    away = (hour + 0.5 - peak + 12) % 24 - 12
    return _FLOOR + np.exp(-0.5 * (away / _WIDTH) ** 2)


def answer_chances(responses: pa.Table) -> np.ndarray:
    """Return each customer's chance of answering a neutral message, from the truth.

    Parameters
    ----------
    responses : `truth/responses.parquet`.

    Returns
    -------
    Chances of shape (customers, channels in the order of `CHANNELS`, 24 hours of the customer's
    own clock).
    """
    affinity = np.stack([responses[f"affinity_{name}"].to_numpy() for name in CHANNELS], axis=1)
    hours = hour_factor(responses["peak_hour"].to_numpy()[:, None], np.arange(24))
    return np.asarray(np.minimum(NEUTRAL * affinity[:, :, None] * hours[:, None, :], _HIGHEST))


def local_hours(sent: np.ndarray, abroad: np.ndarray) -> np.ndarray:
    """Return the hour on the customer's clock at which a message of the company's daytime came."""
    here = pa.array(sent, pa.timestamp("us"))
    there = pc.assume_timezone(here, TIME_ZONE).cast(pa.timestamp("us", ABROAD_ZONE))
    return np.where(abroad, pc.hour(there).to_numpy(), pc.hour(here).to_numpy())
