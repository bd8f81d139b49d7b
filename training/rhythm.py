"""The buying rhythm as one term of the linear part: BG/NBD's chance of no purchase.

A customer buys at a rate of their own until, after some purchase, they are gone. Rates are
gamma(r, alpha) over customers, chances to go beta(a, b). From the number of purchase days, the last
and the first one follows the chance that none falls into the next days, in closed form. The four
numbers are fitted to the labels by penalised likelihood, not to the histories: the population of a
lapse model is cut by recency, which the likelihood of histories would have to undo.

References
----------
Fader, Hardie & Lee, "Counting Your Customers" the Easy Way (2005), eq. 4 and 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa

from training.calibrate import sigmoid
from training.encode import REACH

#: What the rhythm reads, in the order of the arrays below.
READS = ("purchase_days_count", "recency_days", "first_order_days")
#: The name of the term among those of the linear part.
NAME = "rhythm"
WEEK = 7.0
#: Pull of each log parameter towards 0: few purchases leave some of them undetermined.
PENALTY = 1e-3
#: Log parameters lie within this: beyond it nothing changes but the rounding.
FURTHEST = 8.0
STARTS = ((-1.0, 1.0, -0.5, 0.5), (0.0, 2.0, 0.0, 1.0))
#: A spread below this is a constant up to rounding.
SAME = 1e-9
#: Rows the fit reads at most: four numbers need no more.
ROWS = 20_000


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """The four parameters (time in weeks), the days looked ahead, and how the term is scaled.

    ``typical`` is the customer (medians of the training rows) contributions are measured from.
    """

    r: float
    alpha: float
    a: float
    b: float
    horizon_days: float
    mean: float = 0.0
    scale: float = 1.0
    typical: tuple[float, float, float] = (1.0, 0.0, 0.0)

    def log_odds(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """Return the log-odds of no purchase within the horizon, from the columns of `READS`."""
        return _log_odds((self.r, self.alpha, self.a, self.b), columns, self.horizon_days)

    def term(self, table: pa.Table) -> np.ndarray:
        """Return the standardised term; 0 for whoever never bought, who has no rhythm."""
        return self._term(read(table))

    @property
    def typical_term(self) -> float:
        """The typical customer's term, which contributions start from."""
        return float(self._term([np.array([value]) for value in self.typical])[0])

    def contributions(self, table: pa.Table) -> np.ndarray:
        """Return what each column of `READS` adds to the typical customer's term.

        Exact Shapley values against one reference customer: the mean, over the six orders in
        which the columns can be turned from typical to the customer's own, of what each changes.

        Returns
        -------
        contributions : rows x 3; their sum and `typical_term` make `term` up to rounding.

        References
        ----------
        Sundararajan & Najmi, The many Shapley values for model explanation (2020), 2.1.
        """
        own = read(table)
        total = np.zeros((table.num_rows, len(READS)))
        orders = list(permutations(range(len(READS))))
        for order in orders:
            mixed = [np.full(table.num_rows, value) for value in self.typical]
            before = self._term(mixed)
            for place in order:
                mixed[place] = own[place]
                after = self._term(mixed)
                total[:, place] += after - before
                before = after
        return total / len(orders)

    def _term(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        scaled = (self.log_odds(columns) - self.mean) / self.scale
        return np.where(np.isnan(scaled), 0.0, np.clip(scaled, -REACH, REACH))

    def as_data(self) -> dict[str, Any]:
        """Return plain data for `model.json`."""
        return asdict(self) | {"typical": list(self.typical)}


def rhythm_from_data(data: Mapping[str, Any] | None) -> Rhythm | None:
    """Rebuild a rhythm from plain data, as `as_data` gave it."""
    return None if data is None else Rhythm(**{**data, "typical": tuple(data["typical"])})


def fit_rhythm(table: pa.Table, labels: np.ndarray, horizon_days: int) -> Rhythm | None:
    """Fit the parameters to who bought nothing; None where the table lacks what it reads.

    Parameters
    ----------
    table : training rows.
    labels : 1 for who bought nothing within the horizon.
    horizon_days : days looked ahead.
    """
    from scipy.optimize import minimize

    if not set(READS) <= set(table.column_names):
        return None
    columns = read(table)
    known = np.flatnonzero(~np.isnan(columns).any(axis=0))
    some = known[:: max(1, -(-len(known) // ROWS))]
    if len(some) == 0:
        return None
    given, y = [column[some] for column in columns], labels[some]

    def loss(logs: np.ndarray) -> float:
        margin = _log_odds(tuple(np.exp(logs)), given, horizon_days)
        return float(np.mean(np.logaddexp(0, margin) - y * margin) + PENALTY * np.sum(logs**2))

    bounds = [(-FURTHEST, FURTHEST)] * 4
    tried = [minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in STARTS]
    r, alpha, a, b = (float(v) for v in np.exp(min(tried, key=lambda found: found.fun).x))
    bare = Rhythm(r=r, alpha=alpha, a=a, b=b, horizon_days=float(horizon_days))
    spread = bare.log_odds([column[known] for column in columns])
    return Rhythm(
        r=r, alpha=alpha, a=a, b=b, horizon_days=float(horizon_days),
        mean=float(spread.mean()),
        scale=float(spread.std()) if spread.std() > SAME else 1.0,
        typical=tuple(float(np.median(column[known])) for column in columns),  # type: ignore[arg-type]
    )  # fmt: skip


def read(table: pa.Table) -> list[np.ndarray]:
    """Read the columns of `READS`, all three missing where the customer never bought."""
    columns = [np.array(table[name].cast(pa.float64()).to_numpy(), dtype=float) for name in READS]
    never = ~(columns[0] > 0)
    return [np.where(never, np.nan, column) for column in columns]


def _log_odds(
    parameters: Sequence[float], columns: Sequence[np.ndarray], horizon_days: float
) -> np.ndarray:
    r, alpha, a, b = parameters
    repeats = np.maximum(columns[0] - 1, 0)
    age = columns[2] / WEEK
    last = np.where(repeats > 0, np.clip(columns[2] - columns[1], 0, None), 0) / WEEK
    gone = np.log(a) - np.log(b + np.maximum(repeats, 1) - 1)
    gone = gone + (r + repeats) * (np.log(alpha + age) - np.log(alpha + last))
    alive = np.where(repeats > 0, sigmoid(-gone), 1.0)
    ahead = np.log(alpha + age) - np.log(alpha + age + horizon_days / WEEK)
    buys = np.clip(alive * -np.expm1((r + repeats) * ahead), 1e-9, 1 - 1e-9)
    return np.log1p(-buys) - np.log(buys)
