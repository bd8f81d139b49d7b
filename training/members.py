"""The members of a model on every earlier origin: lines of several strengths, and trees.

Fitted on the older rows, they speak of later ones they have not seen; how they are weighed together
(`stack`) is learnt there. Nothing here touches a test date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.earlier_origins import Prepared
from training.fit import TREE_COUNT, base_log_odds, shifted_losses, watch_trees
from training.linear import LinearChoice, fit_linear
from training.stack import combine, even, fit_weights


@dataclass(frozen=True, kw_only=True)
class Trees:
    """How many trees, and what they said of the later rows of every origin."""

    count: int
    margins: list[np.ndarray]
    curve: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Lines and trees weighed together, and how each did on the later rows.

    ``weights`` follow the lines, the trees last; ``losses`` are those of the sum, a row each.
    """

    weights: np.ndarray
    margins: list[np.ndarray]
    losses: np.ndarray
    alone: Mapping[str, float]


def lines_later(
    prepared: Sequence[Prepared], choices: Sequence[LinearChoice]
) -> list[list[np.ndarray]]:
    """Fit every line on every origin and return its margins of the later rows, by choice."""
    return [
        [
            fit_linear(
                part.fit_terms, part.split.fit.labels, choice, part.terms.owners
            ).margin(part.later_terms)
            for part in prepared
        ]
        for choice in choices
    ]  # fmt: skip


def grow_on(prepared: Sequence[Prepared], own: Mapping[str, float]) -> Trees:
    """Grow trees on every origin and count them where their pooled loss is lowest."""
    boosters, curves = [], []
    for part in prepared:
        booster, losses = watch_trees(
            (part.fit_matrix, part.split.fit.labels),
            (part.later_matrix, part.split.later.labels),
            own,
        )
        boosters.append(booster)
        curves.append(losses)
    common = min(len(losses) for losses in curves)
    rows = [len(part.split.later.labels) for part in prepared]
    curve = np.average([losses[:common] for losses in curves], axis=0, weights=rows)
    count = int(own.get(TREE_COUNT, curve.argmin()))
    margins = []
    for part, booster in zip(prepared, boosters, strict=True):
        margin = np.full(len(part.split.later.labels), base_log_odds(part.split.fit.labels))
        if count:
            margin = margin + booster.predict(
                part.later_matrix, raw_score=True, num_iteration=count
            )
        margins.append(margin)
    return Trees(count=count, margins=margins, curve=curve)


def weigh(
    prepared: Sequence[Prepared],
    choices: Sequence[LinearChoice],
    lines: Sequence[list[np.ndarray]],
    trees: Trees,
) -> Stack:
    """Learn the weights of all members on the later rows."""
    labels = [part.split.later.labels for part in prepared]
    # what is weighed is how a member departs from the base rate: the base itself stays
    bases = [base_log_odds(part.split.fit.labels) for part in prepared]
    stacked = [np.column_stack(parts) for parts in zip(*lines, trees.margins, strict=True)]
    members = [margins - base for margins, base in zip(stacked, bases, strict=True)]
    weights = fit_weights(members, labels, even(len(choices)))
    margins = [base + combine(margin, weights) for margin, base in zip(members, bases, strict=True)]
    named = zip([choice.name for choice in choices], lines, strict=True)
    alone = {name: float(pooled(found, labels).mean()) for name, found in named}
    alone["trees alone"] = float(pooled(trees.margins, labels).mean())
    return Stack(weights=weights, margins=margins, losses=pooled(margins, labels), alone=alone)


def pooled(margins: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> np.ndarray:
    """Return the loss of every later row, each origin forgiven a shift of its own."""
    pairs = zip(margins, labels, strict=True)
    return np.concatenate([shifted_losses(margin, y) for margin, y in pairs])
