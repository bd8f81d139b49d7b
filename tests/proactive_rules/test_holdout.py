"""The control group."""

import hashlib

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.holdout import assign_holdout, draw


def test_draw_is_the_start_of_a_sha256():
    """The number can be computed again by anybody, in any language."""
    expected = int(hashlib.sha256("spring:客户-7".encode()).hexdigest()[:13], 16) / 2**52
    assert draw(pa.array(["客户-7"]), "spring").tolist() == [expected]


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=12), st.randoms())
@settings(max_examples=25, deadline=None)
def test_for_any_customers_their_group_does_not_depend_on_the_others(ids, random):
    """Shuffled, each customer keeps the same number."""
    known = dict(zip(ids, draw(pa.array(ids, pa.string()), "k").tolist(), strict=True))
    shuffled = random.sample(ids, len(ids))
    assert draw(pa.array(shuffled, pa.string()), "k").tolist() == [known[i] for i in shuffled]


def test_assign_holdout_holds_out_the_share_asked_for():
    """5% of 20,000 are 1,000; four standard deviations are 123."""
    ids = pa.array([f"c{number}" for number in range(20_000)])
    assert abs(int(assign_holdout(ids, key="forestay", share=0.05).sum()) - 1000) < 123


def test_assign_holdout_with_another_key_draws_another_group():
    """A new key makes a new experiment: about 5% of the first group are in the second."""
    ids = pa.array([f"c{number}" for number in range(20_000)])
    first = assign_holdout(ids, key="spring", share=0.05)
    second = assign_holdout(ids, key="autumn", share=0.05)
    assert (first & second).sum() < 0.15 * first.sum()
