"""Past sends as the estimates read them: summed, sorted, and chunk by chunk of customers.

In: aggregated responses in any order, with customers by id. Out: whole numbers in the order of
customer, hour and channel, so that the order of rows given changes nothing and memory stays small.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
HOURS = 24
#: Kinds of match between a channel and the stated preference.
MATCH, OTHER, NONE_STATED = range(3)
_CHUNK = 50_000


class Sends(NamedTuple):
    """Past sends to a chunk of customers, one row per customer, hour and channel."""

    customers: slice
    customer: Integers
    channel: Integers
    hour: Integers
    sent: Integers
    answered: Integers


@dataclass(frozen=True, kw_only=True)
class PastSends:
    """Past sends in the order of `place`, which tells customer, hour and channel.

    Customers stand in the order of their ids, `order` says where in the table; those not in it are
    one more at the end, of no known segment or preference. `segment` numbers the segments, the
    unknown last; `match` (customers + 1, channels) says whether the channel is the stated one.
    """

    order: Integers
    place: Integers
    sent: Integers
    answered: Integers
    segment: Integers
    match: NDArray[np.int8]

    def chunks(self, *, known: bool = True) -> Iterator[Sends]:
        """Go through the customers, so many at a time; without those not in the table, or with."""
        count, channels = len(self.match) - known, self.match.shape[1]
        for first in range(0, count, _CHUNK):
            last = min(first + _CHUNK, count)
            ends = np.searchsorted(self.place, np.array([first, last]) * HOURS * channels)
            rows = slice(*ends)
            pair, channel = np.divmod(self.place[rows], channels)
            who, hour = np.divmod(pair, HOURS)
            counts = self.sent[rows], self.answered[rows]
            yield Sends(slice(first, last), who, channel, hour, *counts)

    def totals(self) -> tuple[Numbers, Numbers]:
        """Return what was sent to and answered by each customer through each channel."""
        sent, answered = np.empty(self.match.shape), np.empty(self.match.shape)
        for sends in self.chunks(known=False):
            rows, shape = sends.customers, sent[sends.customers].shape
            place = (sends.customer - rows.start) * shape[1] + sends.channel
            sent[rows] = sums(place, sends.sent, shape)
            answered[rows] = sums(place, sends.answered, shape)
        return sent, answered


def past_sends(
    customers: pa.Table,
    responses: pa.Table,
    channels: Sequence[str],
    segments: Sequence[str] | None = None,
) -> PastSends:
    """Sum and sort past sends; the tables are those of `channel_fit`.

    Parameters
    ----------
    segments : those that have numbers, where some were learnt of others; the customers' own by
        default.

    Raises
    ------
    ValueError : an hour is none, or more was answered than sent.
    """
    order = pc.sort_indices(customers["customer_id"].cast(pa.string())).to_numpy().astype(np.int64)
    customers, kinds = customers.take(order), pa.array(channels, pa.string())
    if segments is None:
        segments = segments_of(customers)
    segment = _numbered(customers["segment"], pa.array(segments, pa.string()))
    preferred = customers["preferred_channel"]
    stated = np.where(preferred.is_null().to_numpy(), -1, _numbered(preferred, kinds))
    stated = np.append(stated, -1)[:, None]
    same = stated == np.arange(len(channels))
    match = np.where(stated < 0, NONE_STATED, np.where(same, MATCH, OTHER))
    place, sent, answered = _summed(customers["customer_id"], responses, kinds)
    return PastSends(
        order=order,
        place=place,
        sent=sent,
        answered=answered,
        segment=np.append(segment, len(segments)),
        match=match.astype(np.int8),
    )


def segments_of(customers: pa.Table) -> tuple[str, ...]:
    """Name the segments of some customers, in alphabetical order."""
    return tuple(sorted(pc.unique(customers["segment"].cast(pa.string())).drop_null().to_pylist()))


def sums(place: Integers, counts: NDArray[Any], shape: tuple[int, ...]) -> Numbers:
    """Sum counts by place into an array of that shape; whole numbers stay exact below 2**53."""
    flat = np.bincount(place.ravel(), counts.ravel(), math.prod(shape))
    return np.asarray(flat, dtype=np.float64).reshape(shape)


def _summed(ids: pa.ChunkedArray, responses: pa.Table, kinds: pa.Array) -> tuple[Integers, ...]:
    """Return place, sent and answered of each customer, hour and channel that has any rows."""
    sent, answered = _integers(responses["sent"]), _integers(responses["answered"])
    if not ((answered >= 0) & (answered <= sent)).all():
        raise ValueError("answered must be between 0 and sent")
    place = _places(ids, responses, kinds)
    order = np.argsort(place)
    place = place[order]
    # rows of other channels stand before all others
    skipped = int(np.searchsorted(place, 0))
    order, place = order[skipped:], place[skipped:]
    if not place.size:
        return place, place, place
    first = np.flatnonzero(np.append(True, place[1:] != place[:-1]))
    sent, answered = (np.add.reduceat(part[order], first) for part in (sent, answered))
    return place[first], sent, answered


def _places(ids: pa.ChunkedArray, responses: pa.Table, kinds: pa.Array) -> Integers:
    hour = _integers(responses["hour"])
    if not ((hour >= 0) & (hour < HOURS)).all():
        raise ValueError("an hour must be 0 to 23")
    # in place: ten million rows are 80 MB a column
    place = _numbered(responses["customer_id"], ids)
    place *= HOURS
    place += hour
    place *= len(kinds)
    channel = _numbered(responses["channel"], kinds)
    place += channel
    place[channel == len(kinds)] = -1
    return place


def _integers(numbers: pa.ChunkedArray) -> Integers:
    return np.asarray(numbers.cast(pa.int64()).to_numpy())


def _numbered(words: pa.ChunkedArray, known: pa.ChunkedArray | pa.Array) -> Integers:
    """Return the place of each word among those known; their number where it is none of them."""
    place = pc.index_in(words.cast(pa.string()), value_set=known.cast(pa.string()))
    return np.asarray(pc.fill_null(place, len(known)).to_numpy()).astype(np.int64)
