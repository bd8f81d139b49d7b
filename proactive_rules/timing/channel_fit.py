"""Channel and time fit the customer: how likely an answer is, per customer, channel and hour.

Pure functions over Arrow tables, with no loop over customers: `channel_fit` learns the chances
from past sends, `ChannelFit.best_hour` picks among the hours the caller allows. Consent, language
and quiet hours are the caller's business. Every rate is a shrunken one: what is known of few sends
stays close to what is known of the many around them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from proactive_rules.timing.answering import Answering
from proactive_rules.timing.past_sends import (
    HOURS,
    Numbers,
    PastSends,
    Sends,
    past_sends,
    segments_of,
    sums,
)

#: Chance of an answer assumed before anything was sent, and for how many sends that counts.
FIRST_RATE, FIRST_SENDS = 0.1, 2.0
#: What a channel other than the stated one is worth before anything is known of it, and for how
#: many sends a channel's start counts.
OTHER_INDEX, STATED_SENDS = 0.8, 5.0
#: Before any hour was tried, ten o'clock is best and each hour after it a millionth less.
NEUTRAL: Numbers = 1 - 1e-6 * np.mod(np.arange(HOURS) - 10.0, HOURS)
#: Ties go to the earliest hour from nine on, then to the earliest.
TIES = np.roll(np.arange(HOURS), -9)
#: For how much a send counts one and two hours away.
NEAR = (2 / 3, 1 / 3)
#: How far groups differ when the data cannot tell: intraclass correlation of a segment's answers
#: (a prior of 99 sends) and of a customer's (19), squared coefficient of variation of hours (a
#: prior of 25 expected answers).
SEGMENT_SPREAD, CUSTOMER_SPREAD, HOUR_SPREAD = 0.01, 0.05, 0.04
#: Expected answers for which the segment's curve counts beside a customer's own hours. Fixed: fifty
#: sends a customer hardly tell it, and from 12 to 50 are alike on the simulated company.
OWN_HOURS = 25.0
#: Evidence those defaults stand for, and the bounds of what is estimated: 1 to 199 sends.
DEFAULT_EVIDENCE, LEAST_SPREAD, MOST_SPREAD = 100.0, 0.005, 0.5


@dataclass(frozen=True, kw_only=True)
class ChannelFit:
    """What past answers say of each customer, in the order of the table given.

    Attributes
    ----------
    answering : what was learnt from all of them together.
    response : (customers, channels), chance of an answer at the channel's average hour.
    index : (customers, channels), `response` relative to all past sends; 1.0 = as usual.
    """

    answering: Answering
    response: Numbers
    index: Numbers
    _hours: "_Hours"

    def best_hour(self, allowed: NDArray[np.bool_]) -> tuple[NDArray[np.int8], Numbers]:
        """Pick the allowed hour at which each customer answers best, through each channel.

        Parameters
        ----------
        allowed : (customers, 24), on the customer's own clock.

        Returns
        -------
        hour : (customers, channels); -1 where no hour is allowed.
        lift : (customers, channels), the hour's response relative to the channel's average hour;
            0.0 where no hour is allowed.
        """
        hour = np.full(self.response.shape, -1, dtype=np.int8)
        lift = np.zeros(self.response.shape)
        for rows, channel, curve in self._hours.personal():
            worth = np.where(allowed[rows], curve, 0.0)[:, TIES]
            best = worth.max(axis=1)
            hour[rows, channel] = np.where(best > 0, TIES[worth.argmax(axis=1)], -1)
            lift[rows, channel] = best
        return hour, lift


def channel_fit(
    customers: pa.Table,
    responses: pa.Table,
    channels: Sequence[str],
    answering: Answering | None = None,
) -> ChannelFit:
    """Learn through which channel and at which hour each customer answers best.

    A chance goes from the general to the particular, each step a posterior mean whose prior is the
    step before: all sends; the channel among customers who state it, state another, state none;
    the segment within that; the customer. How strongly a prior counts is estimated from how far
    the groups differ beyond chance. Hours multiply it: those of everybody, of the channel, of the
    segment, of the segment in the channel, of the customer are each the ratio of answers to
    expected answers, shrunken towards 1. The order of rows changes nothing, not even the last bit.

    Parameters
    ----------
    customers : `customer_id` (each once), `segment`, `preferred_channel` (null: not known).
    responses : `customer_id`, `channel`, `hour` (0 to 23, the customer's clock), `sent`,
        `answered` (counts); may be empty. Rows of customers not in `customers` count for averages
        that know no segment, rows of channels not in `channels` not at all.
    channels : what may be asked for; gives the order of the results.
    answering : what was learnt before from all; these tables may then hold a few of them only.

    Raises
    ------
    ValueError : an hour is none, or more was answered than sent.

    References
    ----------
    Empirical Bayes: Robbins (1956), Proc. Third Berkeley Symp. 1, 157-163; Efron & Morris (1975),
    JASA 70, 311-319; Gelman et al., Bayesian Data Analysis, 3rd ed., ch. 5 (Beta-binomial) and 2.6
    (Gamma-Poisson). Method of moments: Kleinman (1973), JASA 68, 46-54.

    Examples
    --------
    >>> people = pa.table({"customer_id": ["a"], "segment": ["s"], "preferred_channel": ["email"]})
    >>> columns = ("customer_id", "channel", "hour", "sent", "answered")
    >>> past = pa.table({name: pa.array([], "int64") for name in columns})
    >>> channel_fit(people, past, ["email", "phone"]).index.round(2)
    array([[1. , 0.8]])
    """
    segments = segments_of(customers) if answering is None else answering.segments
    past = past_sends(customers, responses, channels, segments)
    sent, answered = past.totals()
    if answering is None:
        answering = _learn(past, sent, answered, segments, asked=responses.num_rows > 0)
    prior, sent, answered = _prior(past, answering.rates), sent[:-1], answered[:-1]
    own = _posterior(prior, sent, answered, answering.strength)
    response = np.empty_like(own)
    response[past.order] = own
    return ChannelFit(
        answering=answering,
        response=response,
        index=response / answering.overall,
        _hours=_Hours(past=past, response=own, curve=answering.curve),
    )


def _learn(
    past: PastSends, sent: Numbers, answered: Numbers, segments: Sequence[str], *, asked: bool
) -> Answering:
    overall = (FIRST_RATE * FIRST_SENDS + answered.sum()) / (FIRST_SENDS + sent.sum())
    rates = _segment_rates(past, sent, answered, overall)
    # those not in the table are many in one row, and say nothing of how far customers differ
    own = _prior(past, rates), sent[:-1], answered[:-1]
    return Answering(
        segments=tuple(segments),
        asked=asked,
        overall=float(overall),
        strength=_sends_worth(*own, fitted=0, default=CUSTOMER_SPREAD),
        rates=rates,
        curve=_curves(past, rates),
    )


def _prior(past: PastSends, rates: Numbers) -> Numbers:
    """Return what is expected of each customer and channel before his own sends count."""
    channels = np.arange(past.match.shape[1])
    return np.asarray(rates[past.segment[:-1, None], channels, past.match[:-1]])


@dataclass(frozen=True, kw_only=True)
class _Hours:
    """Curves of all segments (segments and unknown, channels, 24), and what makes them personal."""

    past: PastSends
    response: Numbers
    curve: Numbers

    def personal(self) -> Iterator[tuple[NDArray[np.intp], int, Numbers]]:
        """Return rows of the table, channel, and curves (rows, 24), chunk by chunk."""
        for sends in self.past.chunks():
            answered, expected = self._own(sends)
            own = (_near(answered) + OWN_HOURS) / (_near(expected) + OWN_HOURS)
            rows, segment = self.past.order[sends.customers], self.past.segment[sends.customers]
            for channel in range(self.curve.shape[1]):
                yield rows, channel, self.curve[segment, channel] * own

    def _own(self, sends: Sends) -> tuple[Numbers, Numbers]:
        """Return answers and expected answers of each customer's hours, channels summed."""
        rate = self.response[sends.customer, sends.channel]
        segment = self.past.segment[sends.customer]
        expected = sends.sent * rate * self.curve[segment, sends.channel, sends.hour]
        place = (sends.customer - sends.customers.start) * HOURS + sends.hour
        shape = (sends.customers.stop - sends.customers.start, HOURS)
        return sums(place, sends.answered, shape), sums(place, expected, shape)


def _posterior(prior: Numbers, sent: Numbers, answered: Numbers, strength: float) -> Numbers:
    """Return the mean of Beta(strength * prior, strength * (1 - prior)) after some sends."""
    # (strength * prior + answered) / (strength + sent), to the last bit the prior if nothing sent
    return prior + (answered - sent * prior) / (sent + strength)


def _segment_rates(past: PastSends, sent: Numbers, answered: Numbers, overall: float) -> Numbers:
    """Return the rate of (segment, channel, match to the stated channel); unknown segment last."""
    channels, known = past.match.shape[1], past.segment[-1]
    shape = (known + 1, channels, 3)
    group = (past.segment[:, None] * channels + np.arange(channels)) * 3 + past.match
    sent, answered = (sums(group, part, shape) for part in (sent, answered))
    start = overall * np.array([1.0, OTHER_INDEX, 1.0])
    rate = _posterior(start, sent.sum(axis=0), answered.sum(axis=0), STATED_SENDS)
    sent, answered = sent[:known], answered[:known]
    fitted = int(np.count_nonzero(sent.any(axis=0)))
    strength = _sends_worth(rate, sent, answered, fitted=fitted, default=SEGMENT_SPREAD)
    return np.concatenate([_posterior(rate, sent, answered, strength), rate[None]])


def _sends_worth(
    prior: Numbers, sent: Numbers, answered: Numbers, *, fitted: int, default: float
) -> float:
    """Estimate for how many sends the prior counts, from how far groups differ beyond chance.

    Squared errors over their binomial variances sum to the number of groups, less the means
    `fitted` to them, plus the intraclass correlation times the sends after each group's first.
    """
    some = sent > 0
    mean = (sent * prior)[some]
    squares = (answered[some] - mean) ** 2 / (mean * (1 - np.broadcast_to(prior, some.shape)[some]))
    groups = len(mean)
    excess = float(squares.sum()) - (groups - fitted)
    return 1 / _spread(excess, float(sent.sum()) - groups, default) - 1


def _spread(excess: float, evidence: float, default: float) -> float:
    spread = (excess + DEFAULT_EVIDENCE * default) / (evidence + DEFAULT_EVIDENCE)
    return min(max(spread, LEAST_SPREAD), MOST_SPREAD)


def _curves(past: PastSends, rates: Numbers) -> Numbers:
    """Return each hour relative to the channel's average: (segments and unknown, channels, 24)."""
    shape = (*rates.shape, HOURS)
    sent, answered = np.zeros(shape), np.zeros(shape)
    for sends in past.chunks(known=False):
        group = past.segment[sends.customer] * shape[1] + sends.channel
        group = (group * 3 + past.match[sends.customer, sends.channel]) * HOURS + sends.hour
        sent += sums(group, sends.sent, shape)
        answered += sums(group, sends.answered, shape)
    expected = (sent * rates[..., None]).sum(axis=2)
    sent, answered = sent.sum(axis=2), answered.sum(axis=2)
    curve = np.ones(sent.shape)
    everybody, known = slice(None), slice(-1)
    for rows, axes in ((everybody, (0, 1)), (everybody, (0,)), (known, (1,)), (known, ())):
        parts = (answered[rows], expected[rows] * curve[rows], sent[rows])
        curve[rows] *= _hour_ratio(*(part.sum(axis=axes, keepdims=True) for part in parts))
    curve *= NEUTRAL
    weight = sent.sum(axis=0) + (sent.sum(axis=(0, 2)) == 0)[:, None]
    return curve * (weight.sum(axis=-1) / (weight * curve).sum(axis=-1))[..., None]


def _hour_ratio(answered: Numbers, expected: Numbers, sent: Numbers) -> Numbers:
    """Return answers over expected ones, shrunken to 1 by a Gamma prior of estimated strength."""
    some = sent > 0
    mean = expected[some]
    # answers are binomial: at a rate of a half they vary half as much as Poisson counts
    variance = mean * np.maximum(1 - mean / sent[some], 0.05)
    squares = float(((answered[some] - mean) ** 2 / variance).sum())
    fitted = int(np.count_nonzero(some.any(axis=-1)))  # one level for each curve
    excess = squares - (len(mean) - fitted)
    strength = 1 / _spread(excess, float((mean**2 / variance).sum()), HOUR_SPREAD)
    return (_near(answered) + strength) / (_near(expected) + strength)


def _near(counts: Numbers) -> Numbers:
    """Add what was counted one and two hours away, for less: an hour is like its neighbours."""
    around = (np.roll(counts, -away, axis=-1) + np.roll(counts, away, axis=-1) for away in (1, 2))
    return counts + sum(part * weight for part, weight in zip(around, NEAR, strict=True))
