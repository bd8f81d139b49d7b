"""What an older model says of later test dates, where it could not know their answers either.

A run keeps what it said of its own test dates. Models made months apart have few of them in common;
the older one may be asked about a later date once all label windows it learnt from had closed.
"""

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.champion import Champion
from training.evaluate import Predictions
from training.promotion.paired import Kept
from training.rows import customer_keys


def with_later_dates(
    kept: Kept | None, champion: Champion, rows: pa.Table, closed_by: Callable[[date, date], bool]
) -> Kept | None:
    """Add what a model says of the dates its run did not test, those that it may be asked about.

    Parameters
    ----------
    kept : what its run said; None where that is lost.
    rows : customer_id, as_of, label and every feature, of the dates wanted.
    closed_by : whether the label window of a day had closed by a later one.

    Returns
    -------
    None where it said nothing and may be asked about nothing.
    """
    known = set() if kept is None else set(np.unique(kept.predictions.as_of).tolist())
    learnt = [date.fromisoformat(day) for day in champion.model.trained_on]
    days = [
        day
        for day in pc.unique(rows["as_of"]).to_pylist()
        if day not in known and all(closed_by(old, day) for old in learnt)
    ]
    reads = {*champion.feature_names, *champion.groups_read}
    if not days or not reads <= set(rows.column_names):
        return kept
    asked = rows.filter(pc.is_in(rows["as_of"], value_set=pa.array(days, pa.date32())))
    said = Predictions(
        customers=customer_keys(asked["customer_id"]),
        as_of=asked["as_of"].to_numpy().astype("datetime64[D]"),
        labels=asked["label"].to_numpy().astype(float),
        risk=champion.score(asked).risk,
    )
    return Kept(predictions=said if kept is None else _joined(kept.predictions, said))


def _joined(one: Predictions, other: Predictions) -> Predictions:
    return Predictions(
        customers=np.concatenate([one.customers, other.customers]),
        as_of=np.concatenate([one.as_of, other.as_of]),
        labels=np.concatenate([one.labels, other.labels]),
        risk=np.concatenate([one.risk, other.risk]),
    )
