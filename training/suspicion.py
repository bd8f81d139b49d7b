"""Everything that may give the answer away in a training set, and whether the user answers for it.

Asked before a model is judged, on the rows the oldest test's model is trained on: of the dates that
judge none is looked at. A plain table has one date only, whose rows are folded: there the question
is asked of the rows that also judge.
"""

from collections.abc import Sequence
from dataclasses import replace

from features.catalogue import Catalogue
from training.copies import near_copies
from training.dataset import Dataset
from training.leaks import Suspect, leaking
from training.rows import Rows


def suspects(dataset: Dataset) -> tuple[Suspect, ...]:
    """Return the columns that may leak and, where customers are folded, their near-copies.

    The columns a model is calibrated by are asked like those it reads.
    """
    plan = dataset.plan
    rows = Rows.of(dataset.table, dataset.feature_names, dataset.group_names)
    rows = rows.on(plan.train_for[plan.test_as_of[0]])
    own = _own_columns(dataset.catalogue).union(dataset.group_names)
    found = leaking(replace(rows, names=(*rows.names, *rows.groups)), own.__contains__)
    copies = near_copies(rows) if plan.cross_validated else None
    return (*found, copies) if copies else found


def untrusted(found: Sequence[Suspect], trust: Sequence[str]) -> tuple[Suspect, ...]:
    """Return the suspects that the user does not answer for: with any of them nothing is made."""
    return tuple(suspect for suspect in found if suspect.name not in trust)


def _own_columns(catalogue: Catalogue) -> frozenset[str]:
    return frozenset(feature.name for feature in catalogue.features if feature.given_name)
