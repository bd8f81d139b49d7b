"""Earlier origins: where everything about a model is chosen, before any test date is looked at.

An earlier origin is a snapshot date of the rows at hand before which label windows of older
snapshots had closed: a model of those is fitted and judged there. Where no date is old enough, or
there is only one, customers are split instead (out-of-fold).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

import numpy as np
import pyarrow as pa

from features.errors import NotReady
from training.rows import Rows
from training.splits import stratified_folds
from training.terms import Terms

#: Earlier origins looked at, the newest ones a third of a horizon apart.
ORIGINS = 3


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What fitting has to know of the labels and their windows.

    ``closed_by(day, later)`` says whether the window of `day` had closed when `later` began;
    ``of_purchases`` whether the label is "no purchase within the window".
    """

    closed_by: Callable[[date, date], bool]
    horizon_days: int
    of_purchases: bool = False


@dataclass(frozen=True)
class Split:
    """Rows to fit on and later ones (or other customers) to judge on."""

    name: str
    fit: Rows
    later: Rows
    in_time: bool


@dataclass(frozen=True)
class Prepared:
    """One split, encoded by what its fitting part shows."""

    split: Split
    terms: Terms
    fit_terms: np.ndarray
    later_terms: np.ndarray
    fit_matrix: np.ndarray
    later_matrix: np.ndarray

    @classmethod
    def of(cls, split: Split, windows: Windows) -> "Prepared":
        """Encode both parts by the first."""
        horizon = windows.horizon_days if windows.of_purchases else None
        terms = Terms.learn(split.fit, horizon)
        fit, later = terms.matrices(split.fit.table), terms.matrices(split.later.table)
        return cls(split, terms, fit[0], later[0], fit[1], later[1])


def earlier_origins(rows: Rows, train_on: Sequence[date], windows: Windows) -> list[Split]:
    """Return earlier origins, newest first, or folds of customers where there are none.

    Parameters
    ----------
    rows : all that may be known.
    train_on : dates the model will be fitted on; at an origin as many are taken, the newest closed.

    Raises
    ------
    NotReady : too few customers of either answer.
    """
    origins = list(islice(_origins(rows, len(train_on), windows), ORIGINS))
    splits = origins or list(_folds(rows.on(train_on)))
    if splits:
        return splits
    raise NotReady(
        "the training rows",
        "those who answer yes, or those who answer no, are a single customer or none",
        "at least two customers of each answer to choose a model on",
        "bring a longer history, or shorten horizon_days",
    )


def _origins(rows: Rows, most_dates: int, windows: Windows) -> Iterator[Split]:
    """Yield the dates at which older windows had closed, newest first, some days apart."""
    last: date | None = None
    for day in reversed(rows.dates):
        if last is not None and (last - day).days < windows.horizon_days / 3:
            continue
        older = [other for other in rows.dates if windows.closed_by(other, day)]
        fit, later = rows.on(older[-most_dates:]), rows.on([day])
        if fit.both_labels and later.both_labels:
            last = day
            yield Split(f"{day}", fit, later, in_time=True)


def _folds(rows: Rows) -> Iterator[Split]:
    ids = pa.array(rows.customers).cast(pa.string())
    folds = stratified_folds(pa.table({"customer_id": ids, "label": rows.labels}))
    for fold in np.unique(folds):
        fit, later = rows.where(folds != fold), rows.where(folds == fold)
        if fit.both_labels and later.both_labels:
            yield Split(f"fold {fold}", fit, later, in_time=False)
