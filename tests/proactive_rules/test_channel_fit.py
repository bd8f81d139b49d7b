"""Channel and time fit, on numbers small enough to check by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.timing.channel_fit import NEUTRAL, TIES, channel_fit

CHANNELS = ("email", "phone", "app")
DAY = list(range(9, 21))


def people(*rows):
    """Make customers of (id, segment, preferred channel)."""
    names = ("customer_id", "segment", "preferred_channel")
    return pa.table(
        {name: pa.array([row[k] for row in rows], "str") for k, name in enumerate(names)}
    )


def past(*rows):
    """Make past sends of (id, channel, hour, sent, answered)."""
    kinds = dict.fromkeys(("customer_id", "channel"), "str")
    kinds |= dict.fromkeys(("hour", "sent", "answered"), "int64")
    return pa.table(
        {name: pa.array([row[k] for row in rows], kinds[name]) for k, name in enumerate(kinds)}
    )


def allowed(*hours, customers=1):
    """Allow the same hours to all customers."""
    return np.tile(np.isin(np.arange(24), hours), (customers, 1))


def test_channel_fit_without_responses_or_preference_is_as_usual():
    """Nothing known: index exactly 1, chance the assumed one."""
    fit = channel_fit(people(("a", "s", None), ("b", None, None)), past(), CHANNELS)
    assert (fit.index == 1.0).all()
    assert (fit.response == 0.1).all()


def test_channel_fit_without_responses_follows_the_stated_preference():
    """The stated channel is as usual, all others 0.8; also where what is stated is not on offer."""
    fit = channel_fit(people(("a", "s", "phone"), ("b", "s", "letter")), past(), CHANNELS)
    assert fit.index[0] == pytest.approx([0.8, 1.0, 0.8])
    assert fit.index[1] == pytest.approx([0.8, 0.8, 0.8])


def test_channel_fit_data_override_the_stated_preference():
    """Those who state email answer 50 of 100 calls and 5 of 100 emails: call them."""
    rows = [(f"x{k}", "phone", 10, 10, 5) for k in range(10)]
    rows += [(f"x{k}", "email", 10, 10, k % 2) for k in range(10)]
    crowd = [(f"x{k}", "s", "email") for k in range(10)]
    fit = channel_fit(people(("new", "s", "email"), *crowd), past(*rows), CHANNELS)
    email, phone, app = fit.response[0]
    assert phone > app > email


def test_channel_fit_shrinks_customers_as_far_as_they_differ():
    """Two customers, 6 and 2 answers to 10 emails each: every step, added up by hand."""
    fit = channel_fit(
        people(("a", None, None), ("b", None, None)),
        past(("a", "email", 10, 10, 6), ("b", "email", 15, 10, 2)),
        ["email"],
    )
    overall = (0.1 * 2 + 8) / (2 + 20)
    email = (8 + 5 * overall) / (20 + 5)
    squares = ((6 - 10 * email) ** 2 + (2 - 10 * email) ** 2) / (10 * email * (1 - email))
    spread = (squares - 2 + 100 * 0.05) / (9 + 9 + 100)
    strength = 1 / spread - 1
    assert strength == pytest.approx(17.6, abs=0.05)
    expected = [(6 + strength * email) / (10 + strength), (2 + strength * email) / (10 + strength)]
    assert fit.response[:, 0] == pytest.approx(expected)
    assert fit.index[:, 0] == pytest.approx(np.array(expected) / overall)


def test_channel_fit_segment_lends_its_rate_and_an_unknown_one_does_not():
    """Of 100 emails each, segment s answers 40 and t 10; who has no segment gets the average."""
    crowd = [(f"{segment}{k}", segment, None) for segment in "st" for k in range(10)]
    rows = [(name, "email", 10, 10, 4 if name[0] == "s" else 1) for name, *_ in crowd]
    new = [("new-s", "s", None), ("new-t", "t", None), ("nobody", None, None), ("new-u", "u", None)]
    fit = channel_fit(people(*new, *crowd), past(*rows), ["email"])
    overall = (0.2 + 50) / (2 + 200)
    email = (50 + 5 * overall) / (200 + 5)
    variance = 100 * email * (1 - email)
    squares = ((40 - 100 * email) ** 2 + (10 - 100 * email) ** 2) / variance
    # two segments, of which one mean was fitted
    strength = 1 / ((squares - 1 + 100 * 0.01) / (99 + 99 + 100)) - 1
    expected = [(answers + strength * email) / (100 + strength) for answers in (40, 10)]
    assert fit.response[:4, 0] == pytest.approx([*expected, email, email])


def test_channel_fit_own_evidence_wins_in_the_long_run():
    """A thousand calls of which 900 were answered, in a segment that never answers."""
    crowd = [(f"x{k}", "s", "email") for k in range(20)]
    rows = [(name, "phone", 10, 50, 1) for name, *_ in crowd]
    fit = channel_fit(
        people(("a", "s", "email"), *crowd), past(*rows, ("a", "phone", 10, 1000, 900)), CHANNELS
    )
    assert fit.response[0, 1] == pytest.approx(0.9, abs=0.01)
    assert fit.response[1:, 1].max() < 0.1


def test_channel_fit_customers_not_in_the_table_count_for_averages():
    """Who has gone still tells that emails are answered, of no segment and to no other channel."""
    gone = past(("gone", "email", 10, 100, 50), ("gone", "letter", 10, 100, 0))
    fit = channel_fit(people(("a", "s", None)), gone, CHANNELS)
    overall = (0.2 + 50) / (2 + 100)
    assert fit.response[0] == pytest.approx([(50 + 5 * overall) / 105, overall, overall])


def step(answered, expected, sent):
    """Shrink two far-away hours of one curve: one of the steps, by hand."""
    answered, expected, sent = (np.array(part, float) for part in (answered, expected, sent))
    variance = expected * (1 - expected / sent)
    squares = ((answered - expected) ** 2 / variance).sum()
    evidence = (expected**2 / variance).sum()
    # two hours, of which one level was fitted
    spread = max((squares - 1 + 100 * 0.04) / (evidence + 100), 0.005)
    return (answered + 1 / spread) / (expected + 1 / spread)


def test_best_hour_is_answered_over_expected_shrunken():
    """Ten o'clock has 30 answers of 100 and three o'clock 10: all hours, then those of email."""
    rows = past(("gone", "email", 10, 100, 30), ("gone", "email", 15, 100, 10))
    fit = channel_fit(people(("a", None, None)), rows, ["email"])
    overall = (0.2 + 40) / (2 + 200)
    email = (40 + 5 * overall) / (200 + 5)
    curve = step([30, 10], [100 * email] * 2, [100] * 2)
    curve *= step([30, 10], 100 * email * curve, [100] * 2)
    curve /= curve.mean()  # as many sends at both hours
    for k, hour in enumerate((10, 15)):
        best, lift = fit.best_hour(allowed(hour))
        assert best.tolist() == [[hour]]
        assert lift[0, 0] == pytest.approx(curve[k], rel=1e-4)
    assert fit.best_hour(allowed(*DAY))[0].tolist() == [[10]]


def test_best_hour_learns_from_the_hours_around():
    """Nobody was ever called at noon, but those called at eleven and one answered."""
    answers = {hour: 60 if hour in (11, 13) else 20 for hour in DAY if hour != 12}
    rows = [("gone", "phone", hour, 100, answered) for hour, answered in answers.items()]
    best, lift = channel_fit(people(("a", None, None)), past(*rows), ["phone"]).best_hour(
        allowed(9, 12, 18)
    )
    assert best.tolist() == [[12]]
    assert lift[0, 0] > 1.2


def test_best_hour_follows_the_segment():
    """Students answer at eight in the evening, seniors at nine in the morning."""
    crowd = [(f"{segment}{k}", segment, None) for segment in ("old", "young") for k in range(30)]
    rows = [(name, "app", hour, 5, 4 if hour == best else 1)
            for name, segment, _ in crowd for hour in DAY
            for best in ({"old": 9, "young": 20}[segment],)]  # fmt: skip
    new = [("o", "old", None), ("y", "young", None)]
    best, lift = channel_fit(people(*new, *crowd), past(*rows), CHANNELS).best_hour(
        allowed(*DAY, customers=62)
    )
    assert best[:2, 2].tolist() == [9, 20]
    assert (lift[:2, 2] > 1.5).all()
    assert best[:2, 0].tolist() == [9, 20]  # what is known of the segment holds in other channels


def test_best_hour_own_evidence_wins_in_the_long_run():
    """One customer of a morning segment answers a hundred times at eight in the evening."""
    crowd = [(f"x{k}", "s", None) for k in range(30)]
    rows = [(name, "app", hour, 10, 6 if hour == 9 else 1) for name, *_ in crowd for hour in DAY]
    own = [("a", "app", hour, 100, 90 if hour == 20 else 2) for hour in DAY]
    fit = channel_fit(people(("a", "s", None), *crowd), past(*rows, *own), ["app"])
    best, _ = fit.best_hour(allowed(*DAY, customers=31))
    assert best[0].tolist() == [20]
    assert (best[1:] == 9).all()


@pytest.mark.parametrize(
    ("hours", "first"),
    [((8, 9, 10, 11), 10), ((9, 23), 23), ((3, 9), 3), ((9,), 9), ((), -1), (range(24), 10)],
)
def test_best_hour_without_responses_is_the_first_from_ten_on(hours, first):
    """Nothing known: 10, 11, ... 23, 0, ... 9, as far as allowed; -1 and no lift where none is."""
    best, lift = channel_fit(people(("a", "s", "app")), past(), CHANNELS).best_hour(allowed(*hours))
    assert best.dtype == np.int8
    assert best.tolist() == [[first] * 3]
    assert lift[0] == pytest.approx([float(first >= 0)] * 3, abs=1e-4)


def test_best_hour_ties_go_to_nine_and_later_first():
    """The order of choice among equals, and that the neutral curve has none."""
    assert TIES.tolist() == [*range(9, 24), *range(9)]
    assert NEUTRAL[TIES].argmax() == 1
    assert len(set(NEUTRAL)) == 24


@pytest.mark.parametrize("row", [(24, 1, 0), (-1, 1, 0), (9, 1, 2), (9, 1, -1)])
def test_channel_fit_impossible_counts_are_refused(row):
    """An hour that no clock has, or more answers than sends."""
    with pytest.raises(ValueError, match=r"hour must be|answered must be"):
        channel_fit(people(("a", "s", None)), past(("a", "app", *row)), CHANNELS)


def test_channel_fit_without_customers():
    """Nobody to fit is no error."""
    fit = channel_fit(people(), past(("gone", "app", 9, 3, 1)), CHANNELS)
    assert fit.index.shape == fit.best_hour(np.ones((0, 24), bool))[0].shape == (0, 3)


@st.composite
def worlds(draw):
    """Draw some customers and past sends, repeated rows and strangers among them."""
    names = st.text("abcé客", min_size=1, max_size=3)
    ids = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    word = st.sampled_from(["s", "t", None]), st.sampled_from([*CHANNELS, "letter", None])
    customers = [(name, draw(word[0]), draw(word[1])) for name in ids]
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from([*ids, "stranger"]),
                st.sampled_from([*CHANNELS, "letter"]),
                st.integers(0, 23),
                st.integers(0, 1000),
                st.floats(0, 1),
            ),
            max_size=20,
        )
    )
    return customers, [(*row[:4], round(row[3] * row[4])) for row in rows]


@given(worlds(), st.randoms(), st.data())
@settings(max_examples=150, deadline=None)
def test_for_any_history_the_order_of_rows_changes_nothing(world, random, data):
    """Shuffled tables give the same bits, chances lie in (0, 1), and no hour is forbidden."""
    customers, rows = world
    flags = st.lists(st.booleans(), min_size=24, max_size=24)
    open_hours = {name: data.draw(flags) for name, *_ in customers}
    found = []
    for _ in range(2):
        fit = channel_fit(people(*customers), past(*rows), CHANNELS)
        may = np.array([open_hours[name] for name, *_ in customers])
        hour, lift = fit.best_hour(may)
        assert ((fit.response > 0) & (fit.response < 1)).all()
        assert np.isfinite(fit.index).all()
        place = np.arange(len(customers))[:, None]
        assert np.where(hour >= 0, may[place, hour], ~may.any(axis=1)[:, None]).all()
        assert ((lift > 0) == (hour >= 0)).all()
        parts = (fit.response, fit.index, hour, lift)
        found.append({c[0]: [part[k].tolist() for part in parts] for k, c in enumerate(customers)})
        customers, rows = (random.sample(part, len(part)) for part in (customers, rows))
    assert found[0] == found[1]
