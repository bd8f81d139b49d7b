"""Columns that give the answer away: found before a test date is looked at, and named.

A column is asked what it adds to all others, on customers the asking model has not seen. Features
computed under the as-of rules add little to each other (at most .013 of ROC AUC on the clean real
sets), so a large gain is a question to the user: exclude it, map when it was known, or trust it.
Columns of the user's own (profiles, attributes, own features) are asked more strictly than those
of the catalogue, whose times are checked at ingest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.bootstrap import Interval, interval, worlds
from training.encode import learn_encoding
from training.evaluate import Judged, Weighted, roc_auc
from training.fit import PARAMETERS
from training.rows import Rows

#: An agreed end is known in advance and may well tell most of who leaves.
AGREED_AHEAD = ("contract_end_days",)
#: Rows that are asked; a share of the customers, all their rows.
ROWS = 12_000
SMALL = {"num_leaves": 8, "min_child_samples": 20, "learning_rate": 0.1, "num_threads": 1}
TREES_ALONE, TREES = 15, 40
#: Alone, from here on, a column is the answer itself.
THE_ANSWER = 0.97
#: What a column may add to all others, by whether it is the user's own; and must reach alone.
MOST_GAIN = {True: 0.025, False: 0.05}
LEAST_ALONE = {True: 0.6, False: 0.7}
#: With fewer others one good column among poor ones is no surprise.
LEAST_OTHERS = {True: 3, False: 10}
#: Columns that move together beyond this are one column twice.
TWINS = 0.98
#: Filled so much oftener for one answer than for the other, a column was filled after it.
FILLED_AFTER = 0.4
#: A column of days of which so many lie ahead of the row's own date is known only later.
AHEAD = 0.01
READS_AS_DATE = 0.9


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """One column (or `near_copies`), the code of what was found, and the words with the numbers."""

    name: str
    code: str
    message: str


@dataclass(frozen=True)
class _Halves:
    """Customers to learn from and others to ask, encoded."""

    fit: np.ndarray
    labels: np.ndarray
    asked: np.ndarray
    rows: Rows
    owner: np.ndarray

    def risk(self, columns: Sequence[int], trees: int) -> np.ndarray:
        """Return what a small model of some columns says of the asked rows."""
        used = np.flatnonzero(np.isin(self.owner, columns))
        if len(used) == 0:
            return np.zeros(len(self.rows.labels))
        data = lgb.Dataset(self.fit[:, used], self.labels)
        return np.asarray(lgb.train(PARAMETERS | SMALL, data, trees).predict(self.asked[:, used]))

    def auc(self, risk: np.ndarray) -> float:
        """Return the ROC AUC on the asked rows."""
        return float(_auc(risk, self.rows)[0])


def leaking(rows: Rows, is_own: Callable[[str], bool]) -> tuple[Suspect, ...]:
    """Find columns whose power is implausible, strongest first.

    Parameters
    ----------
    rows : labelled training rows.
    is_own : whether a feature is a column of the user's own.
    """
    rows = rows.sample(ROWS)
    ahead = [late for name in rows.names if (late := _known_later(rows, name))]
    halves = _halves(rows)
    if halves is None:
        return tuple(ahead)
    told = {suspect.name for suspect in ahead}
    alone = np.array([halves.auc(halves.risk([j], TREES_ALONE)) for j in range(len(rows.names))])
    others = [j for j in range(len(rows.names)) if rows.names[j] not in told]
    found = list(ahead)
    for j in sorted(others, key=lambda j: -alone[j]):
        name = rows.names[j]
        if name in AGREED_AHEAD or alone[j] < min(LEAST_ALONE.values()):
            continue
        if suspect := _asked(halves, j, alone[j], others, own=is_own(name)):
            found.append(suspect)
            others.remove(j)
    return tuple(found)


def _asked(
    halves: _Halves, j: int, alone: float, others: Sequence[int], *, own: bool
) -> Suspect | None:
    """Ask one column what it adds to those that are not its twins and not under suspicion."""
    name = halves.rows.names[j]
    if alone >= THE_ANSWER:
        return _suspect(halves.rows, name, f"alone it reaches a ROC AUC of {alone:.3f}")
    rest = [k for k in others if k != j and not _are_twins(halves, j, k)]
    if alone < LEAST_ALONE[own] or len(rest) < LEAST_OTHERS[own]:
        return None
    without, with_it = halves.risk(rest, TREES), halves.risk([*rest, j], TREES)
    before, after = halves.auc(without), halves.auc(with_it)
    if after - before < MOST_GAIN[own]:
        return None
    gain = _gain(halves.rows, with_it, without)
    if gain.low < MOST_GAIN[own] / 2:
        return None
    words = (
        f"it lifts the ROC AUC from {before:.3f}, which {len(rest)} other columns reach together, "
        f"to {after:.3f} (gain {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}])"
    )
    return _suspect(halves.rows, name, words)


def _suspect(rows: Rows, name: str, words: str) -> Suspect:
    """Name the fault: filled only after the event, or simply too good to be true."""
    missing = pc.is_null(rows.table[name], nan_is_null=True).to_numpy().astype(float)
    filled = [1 - float(missing[rows.labels == answer].mean()) for answer in (1, 0)]
    if abs(filled[0] - filled[1]) >= FILLED_AFTER:
        words += (
            f"; it is filled for {filled[0]:.0%} of the cases and {filled[1]:.0%} of the others: "
            "known only after the event?"
        )
        return Suspect(name=name, code="known_after_event", message=_asks(name, words))
    return Suspect(name=name, code="implausible_power", message=_asks(name, words))


def _known_later(rows: Rows, name: str) -> Suspect | None:
    """Find a column of days that lie ahead of the date their row is as of."""
    column = rows.table[name]
    if not pa.types.is_string(column.type):
        return None
    known = pc.drop_null(column)
    if len(known) == 0:
        return None
    days = _days(column)
    read = ~np.isnat(days)
    if read.sum() < READS_AS_DATE * len(known):
        return None
    ahead = float((days[read] >= rows.as_of[read]).mean())
    if ahead < AHEAD:
        return None
    words = f"{ahead:.0%} of its days lie at or after the date the row is as of"
    return Suspect(name=name, code="known_after_event", message=_asks(name, words))


def _days(column: pa.ChunkedArray) -> np.ndarray:
    import duckdb

    with duckdb.connect() as connection:
        connection.register("given", pa.table({"text": column, "place": np.arange(len(column))}))
        read = "SELECT TRY_CAST(text AS DATE) AS day FROM given ORDER BY place"
        found = connection.execute(read).to_arrow_table()["day"]
    return np.asarray(found.to_numpy(), dtype="datetime64[D]")


def _asks(name: str, words: str) -> str:
    return (
        f"{name} may give the answer away: {words}. Leave it out (`except: [{name}]` under "
        f"`models:`), map when it was known, or, if it is right, say so (`trust: [{name}]`)"
    )


def _halves(rows: Rows) -> _Halves | None:
    """Split by customer; None where either half lacks an answer."""
    first = rows.customers & np.uint64(1) == 0
    fit, asked = rows.where(first), rows.where(~first)
    if not (fit.both_labels and asked.both_labels):
        return None
    encoding = learn_encoding(fit.table, rows.names)
    return _Halves(
        encoding.tree_matrix(encoding.read(fit.table)),
        fit.labels,
        encoding.tree_matrix(encoding.read(asked.table)),
        asked,
        encoding.tree_owner,
    )


def _are_twins(halves: _Halves, j: int, k: int) -> bool:
    if not {j, k} <= set(halves.owner.tolist()):
        return False  # a text without any level in this half
    one, two = (halves.fit[:, np.flatnonzero(halves.owner == place)[0]] for place in (j, k))
    both = ~(np.isnan(one) | np.isnan(two))
    one, two = one[both], two[both]
    if len(one) < 2 or one.std() == 0 or two.std() == 0:  # noqa: PLR2004 - nothing to compare
        return False
    return bool(abs(np.corrcoef(one, two)[0, 1]) > TWINS)


def _gain(rows: Rows, better: np.ndarray, worse: np.ndarray) -> Interval:
    """Return the paired difference of ROC AUC in the same bootstrap worlds."""
    draws = [_auc(better, rows, w) - _auc(worse, rows, w) for w in worlds(rows.customers)]
    value = float(_auc(better, rows)[0] - _auc(worse, rows)[0])
    return interval(value, np.concatenate(draws))


def _auc(risk: np.ndarray, rows: Rows, weights: np.ndarray | None = None) -> np.ndarray:
    order = np.lexsort((rows.customers, -risk))
    judged = Judged.of(risk, rows.labels, rows.customers)
    drawn = np.ones((1, len(risk))) if weights is None else weights
    return roc_auc(Weighted(judged, drawn[:, order]))
