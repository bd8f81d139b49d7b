"""The linear part."""

import numpy as np
import pytest

from training.linear import LinearChoice, LinearPart, fit_linear, linear_choices

ROWS = 4000
CHANCES = np.random.default_rng(0)
MATRIX = CHANCES.normal(size=(ROWS, 3))
LABELS = (CHANCES.random(ROWS) < 1 / (1 + np.exp(-(0.5 + MATRIX @ [1.0, -2.0, 0.0])))).astype(float)
OWNERS = ["a", "b", "c"]


def test_weights_are_found() -> None:
    """Without shrinkage the weights that made the labels come back."""
    part = fit_linear(MATRIX, LABELS, LinearChoice(name="", shrinkage=1e-5), OWNERS)
    assert part.intercept == pytest.approx(0.5, abs=0.15)
    assert part.weights.tolist() == pytest.approx([1.0, -2.0, 0.0], abs=0.15)


def test_unused_features_weigh_nothing() -> None:
    """A choice of features leaves the others at exactly 0."""
    choice = LinearChoice(name="", shrinkage=1e-5, features=("b",))
    assert fit_linear(MATRIX, LABELS, choice, OWNERS).weights[[0, 2]].tolist() == [0.0, 0.0]


def test_a_weighted_sum_of_lines_is_a_line() -> None:
    """0.5 + 3 x 0.1, 1 + 3 x 2 and -2 + 3 x 1."""
    part = LinearPart(0.5, np.array([1.0, -2.0])).plus(LinearPart(0.1, np.array([2.0, 1.0])), 3.0)
    assert (part.intercept, part.weights.tolist()) == (pytest.approx(0.8), [7.0, 1.0])


def test_a_second_fit_has_the_same_bits() -> None:
    """Fitting is deterministic."""
    choice = LinearChoice(name="", shrinkage=0.01)
    first, second = (fit_linear(MATRIX, LABELS, choice, OWNERS) for _ in range(2))
    assert first.weights.tobytes() == second.weights.tobytes()


def test_a_row_never_depends_on_its_company() -> None:
    """The margin of one row alone has the bits it has among thousands."""
    part = LinearPart(0.1, np.array([0.3, -0.7, 1.9]))
    together = part.margin(MATRIX)
    alone = np.concatenate([part.margin(MATRIX[place : place + 1]) for place in range(50)])
    assert together[:50].tobytes() == alone.tobytes()


def test_an_event_log_is_first_tried_on_its_core() -> None:
    """With habits of buying the robust few come first; a table of profiles has none."""
    log = linear_choices(["recency_days", "orders_count", "amount_total", "wait_mean_minutes"])
    assert log[0].features == ("recency_days", "orders_count", "amount_total")
    assert all(choice.features is None for choice in linear_choices(["age", "plan"]))
