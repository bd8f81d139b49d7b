"""Trees on top of a margin."""

import numpy as np

from training.fit import grow_trees, parameters_for, shifted_loss, watch_trees

CHANCES = np.random.default_rng(2)
MATRIX = CHANCES.normal(size=(3000, 2))
#: Only the distance from 0 tells: nothing for a line, something for trees.
LABELS = (np.abs(MATRIX[:, 0]) + CHANCES.normal(size=3000) > 0.8).astype(float)
NOTHING = np.zeros(3000)
NAMES = ("a", "b")


def test_trees_lower_the_later_loss_where_the_line_fails() -> None:
    """A distance is learnt on top of an empty margin."""
    half = slice(0, 1500), slice(1500, 3000)
    fit, later = ((MATRIX[part], LABELS[part], NOTHING[part]) for part in half)
    booster, losses = watch_trees(fit, later)
    assert losses.min() < losses[0] - 0.02
    assert len(losses) == booster.current_iteration() + 1


def test_losses_are_those_of_the_margin_with_so_many_trees() -> None:
    """``losses[k]`` belongs to k trees, not to k - 1 or k + 1."""
    half = slice(0, 1500), slice(1500, 3000)
    fit, later = ((MATRIX[part], LABELS[part], NOTHING[part]) for part in half)
    booster, losses = watch_trees(fit, later)
    margin = booster.predict(later[0], raw_score=True, num_iteration=7)
    np.testing.assert_allclose(losses[7], shifted_loss(margin, later[1]), rtol=1e-9)


def test_no_trees_are_allowed() -> None:
    """A model without trees predicts 0 on top of the margin, also after its text."""
    assert grow_trees(MATRIX, LABELS, NOTHING, NAMES, 0).num_trees() == 0


def test_growing_again_gives_the_same_text() -> None:
    """Seeded and deterministic, with two threads too."""
    first, second = (grow_trees(MATRIX, LABELS, NOTHING, NAMES, 20) for _ in range(2))
    assert first.model_to_string() == second.model_to_string()


def test_small_tables_have_smaller_leaves() -> None:
    """300 rows would give hardly a split with leaves of 80."""
    assert parameters_for(300)["min_child_samples"] == 10
    assert parameters_for(100_000)["min_child_samples"] == 80


def test_the_loss_forgives_a_shift_and_survives_huge_margins() -> None:
    """Adding a constant to every margin changes nothing; rare labels stay finite."""
    margin = CHANCES.normal(size=3000)
    np.testing.assert_allclose(shifted_loss(margin + 3, LABELS), shifted_loss(margin, LABELS))
    rare = np.zeros(3000)
    rare[:3] = 1
    assert shifted_loss(margin - 40, rare) < 1
