"""The linear part of a model: L2 logistic regressions on few, robust, standardised terms.

On sparse purchase logs four such terms beat boosted trees, so lines of several strengths stand
beside the trees. How they are weighed is learnt on earlier origins (`training/stack.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Habits of buying and calling: what a linear part of an event log may rely on.
CORE = (
    "recency_days",
    "orders_count",
    "amount_total",
    "tenure_days",
    "gap_mean_days",
    "interaction_recency_days",
    "interactions_count",
    "complaints_count",
)
#: Penalties a row worth comparing on all terms, the most robust first.
SHRINKAGES = (1.0, 0.1, 0.01, 0.001)


@dataclass(frozen=True, kw_only=True)
class LinearChoice:
    """One way to make the linear part: on which features, and how strongly shrunk.

    ``shrinkage`` is the L2 penalty a row (scikit-learn's ``C`` is its inverse times the rows), so
    that it means the same for 500 customers and for 500,000.
    """

    name: str
    shrinkage: float
    features: tuple[str, ...] | None = None


@dataclass(frozen=True)
class LinearPart:
    """Intercept and one weight a term; terms not used weigh 0."""

    intercept: float
    weights: np.ndarray

    def plus(self, other: "LinearPart", weight: float) -> "LinearPart":
        """Return the part with another one added so many times: a sum of lines is a line."""
        return LinearPart(
            self.intercept + weight * other.intercept, self.weights + weight * other.weights
        )

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the margin, summed term by term so that a row never depends on its company."""
        total = np.full(len(matrix), self.intercept)
        for place in np.flatnonzero(self.weights):
            total += matrix[:, place] * self.weights[place]
        return total


def linear_choices(names: Sequence[str]) -> tuple[LinearChoice, ...]:
    """Return the ways worth comparing for these features, the most robust first."""
    everything = tuple(
        LinearChoice(name=f"all, shrinkage {shrinkage:g}", shrinkage=shrinkage)
        for shrinkage in SHRINKAGES
    )
    core = tuple(name for name in CORE if name in names)
    if len(core) < 3:  # noqa: PLR2004 - a table of profiles has no such habits
        return everything
    return (LinearChoice(name="core", shrinkage=1e-4, features=core), *everything)


def fit_linear(
    matrix: np.ndarray, labels: np.ndarray, choice: LinearChoice, owners: Sequence[str]
) -> LinearPart:
    """Fit the weights of the chosen terms; one thread, so that a second fit has the same bits.

    Parameters
    ----------
    matrix : rows x terms, mean 0 and spread about 1, no gaps.
    labels : 0 or 1 a row; both occur.
    choice : features used and their shrinkage.
    owners : raw feature behind each term.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

    used = np.array([choice.features is None or owner in choice.features for owner in owners])
    weights = np.zeros(matrix.shape[1])
    inverse = 1 / (choice.shrinkage * len(labels))
    with threadpool_limits(1):
        fitted = LogisticRegression(
            C=inverse, solver="newton-cholesky", tol=1e-8, max_iter=100
        ).fit(matrix[:, used], labels)
    weights[used] = fitted.coef_[0]
    return LinearPart(float(fitted.intercept_[0]), weights)
