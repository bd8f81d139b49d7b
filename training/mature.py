"""How well earlier lists did, now that their labels are complete: the proof of what was said.

Only customers who were left alone count: what outreach did to the others is measured elsewhere.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from training.bootstrap import Interval, interval, worlds
from training.evaluate import METRICS, Predictions, evaluate
from training.rows import customer_keys

#: Fewer rows, or fewer of the rarer answer, say nothing.
LEAST_ROWS, LEAST_CASES = 100, 20
#: Observed over predicted beyond these, beyond doubt, is a wrong level.
LOWEST, HIGHEST = 0.8, 1.25


@dataclass(frozen=True, kw_only=True)
class Performance:
    """What a model said on past lists beside what came true.

    Attributes
    ----------
    ratio : cases observed over cases predicted.
    roc_auc : mean over the lists.
    """

    rows: int
    cases: int
    ratio: Interval
    roc_auc: Interval

    @property
    def level_is_off(self) -> bool:
        """Whether observed and predicted surely disagree by more than a fifth."""
        surely = self.ratio.high < 1 or self.ratio.low > 1
        return surely and not LOWEST <= self.ratio.value <= HIGHEST

    def faded(self, promised: float) -> bool:
        """Whether the order of customers is surely worse than the test promised at worst."""
        return self.roc_auc.high < promised

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; None for what does not exist."""
        return {
            "rows": self.rows,
            "cases": self.cases,
            "ratio": _plain(self.ratio),
            "roc_auc": _plain(self.roc_auc),
        }


def performance(rows: pa.Table) -> Performance | None:
    """Judge risks that were listed; None where too few say anything.

    Parameters
    ----------
    rows : customer_id, as_of (date32), label, risk; of one model, those left alone.
    """
    cases = int(np.sum(rows["label"].to_numpy()))
    if len(rows) < LEAST_ROWS or min(cases, len(rows) - cases) < LEAST_CASES:
        return None
    given = Predictions(
        customers=customer_keys(rows["customer_id"]),
        as_of=rows["as_of"].to_numpy().astype("datetime64[D]"),
        labels=rows["label"].to_numpy().astype(float),
        risk=rows["risk"].to_numpy(),
    )
    found = evaluate(given, {"roc_auc": METRICS["roc_auc"]})
    return Performance(
        rows=len(rows), cases=cases, ratio=_ratio(given), roc_auc=found.metrics["roc_auc"]
    )


def _ratio(given: Predictions) -> Interval:
    said = float(given.risk.sum())
    draws = [(w @ given.labels) / (w @ given.risk) for w in worlds(given.customers)]
    return interval(float(given.labels.sum()) / said, np.concatenate(draws))


def _plain(one: Interval) -> Mapping[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in asdict(one).items()}
