"""Trees beside the lines."""

import numpy as np

from training.fit import grow_trees, parameters_for, shifted_loss, watch_trees

CHANCES = np.random.default_rng(2)
MATRIX = CHANCES.normal(size=(3000, 2))
#: Only the distance from 0 tells: nothing for a line, something for trees.
LABELS = (np.abs(MATRIX[:, 0]) + CHANCES.normal(size=3000) > 0.8).astype(float)
NAMES = ("a", "b")
HALVES = [(MATRIX[part], LABELS[part]) for part in (slice(0, 1500), slice(1500, 3000))]


def test_trees_lower_the_later_loss_where_a_line_fails() -> None:
    """A distance is learnt on top of the base log-odds."""
    booster, losses = watch_trees(*HALVES, {})
    assert losses.min() < losses[0] - 0.02
    assert len(losses) == booster.current_iteration() + 1


def test_losses_are_those_of_the_margin_with_so_many_trees() -> None:
    """``losses[k]`` belongs to k trees, not to k - 1 or k + 1."""
    booster, losses = watch_trees(*HALVES, {})
    margin = booster.predict(HALVES[1][0], raw_score=True, num_iteration=7)
    np.testing.assert_allclose(losses[7], shifted_loss(margin, HALVES[1][1]), rtol=1e-9)


def test_a_stated_number_of_trees_is_grown() -> None:
    """`n_estimators` of the user is no upper bound but the number."""
    booster, losses = watch_trees(*HALVES, {"n_estimators": 9})
    assert (booster.current_iteration(), len(losses)) == (9, 10)


def test_no_trees_are_allowed() -> None:
    """A model without trees is a line alone."""
    assert grow_trees(MATRIX, LABELS, NAMES, 0, {}).num_trees() == 0


def test_growing_again_gives_the_same_text() -> None:
    """Seeded and deterministic; two threads make the trees that one makes."""
    texts = [
        grow_trees(MATRIX, LABELS, NAMES, 20, own).model_to_string().split("parameters:")[0]
        for own in ({}, {}, {"num_threads": 2})
    ]
    assert texts[0] == texts[1] == texts[2]


def test_the_users_parameters_win() -> None:
    """What `models: {churn: {params: ..}}` says replaces ours; the count is no parameter."""
    found = parameters_for(3000, {"num_leaves": 4, "n_estimators": 9})
    assert found["num_leaves"] == 4
    assert "n_estimators" not in found


def test_small_tables_have_smaller_leaves() -> None:
    """300 rows would give hardly a split with leaves of 80."""
    assert parameters_for(300, {})["min_child_samples"] == 10
    assert parameters_for(100_000, {})["min_child_samples"] == 80


def test_the_loss_forgives_a_shift_and_survives_huge_margins() -> None:
    """Adding a constant to every margin changes nothing; rare labels stay finite."""
    margin = CHANCES.normal(size=3000)
    np.testing.assert_allclose(shifted_loss(margin + 3, LABELS), shifted_loss(margin, LABELS))
    rare = np.zeros(3000)
    rare[:3] = 1
    assert shifted_loss(margin - 40, rare) < 1
