# ruff: noqa: D103 - the words that tests are said in
"""The fast path equals the slow oracle, row by row, for every feature, on any history."""

import math

from hypothesis import given, settings

from tests.oracles import features as oracle
from tests.properties.histories import computed, worlds

few = settings(max_examples=20, deadline=None)


def equal(left, right):
    if left is None or right is None or isinstance(left, str):
        return left == right
    return math.isclose(float(left), float(right), rel_tol=1e-12, abs_tol=1e-12)


@few
@given(worlds())
def test_for_any_history_every_feature_equals_the_oracle(given_world):
    """DuckDB over the one expression and plain Python over rows agree on every cell."""
    world, as_of, zone = given_world
    fast = computed(world, as_of, zone)
    slow = oracle.all_features(world, as_of, zone)
    assert set(fast) == set(slow)
    for person, row in fast.items():
        differing = {
            name: (value, slow[person][name])
            for name, value in row.items()
            if not equal(value, slow[person][name])
        }
        assert not differing
        assert {name for name in slow[person] if name not in row} <= {
            "tenure_days",
            "lifecycle_stage",
        }
