"""Calibration by segment: what a group of customers shows beyond the common calibration.

The groups are segment, region and how much history there is. Each level gets a shift of the
log-odds, as far as the spread between levels exceeds what chance makes: no evidence, no shift. Thin
histories (at most one sign of life) get a slope too: where their order out of time is no better
than chance it goes to 0, and all of them get the rate of their kind instead of a guess.

References
----------
DerSimonian & Laird, Meta-analysis in clinical trials (1986): the spread beyond chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotReady
from training.calibrate import sigmoid
from training.rows import Rows

HISTORY, THIN = "history", "thin"
#: Counts of what a customer did; a history is thin where all that are there add up to one.
SIGNS = ("purchase_days_count", "interactions_count")
#: Fewer rows of a level say nothing of their own.
LEAST_ROWS = 50
#: Pull of a thin history's slope towards 1, in rows.
BELIEF_ROWS = 25.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """One level of one column, and how its log-odds are set right: slope x score + shift.

    ``signs`` are the counts that tell a thin history, those of the training rows and no others.
    """

    column: str
    level: str
    slope: float = 1.0
    shift: float = 0.0
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Groups:
    """All groups that are set right; each customer is in at most one level a column."""

    found: tuple[Group, ...] = ()

    def adjust(self, score: np.ndarray, table: pa.Table) -> np.ndarray:
        """Return the calibrated log-odds of each row with its groups' corrections."""
        levels: dict[str, np.ndarray] = {}
        for group in self.found:
            if group.column not in levels:
                levels[group.column] = levels_of(table, group.column, group.signs)
            mine = levels[group.column] == group.level
            score = np.where(mine, group.slope * score + group.shift, score)
        return score

    @property
    def reads(self) -> frozenset[str]:
        """Columns that `adjust` reads by name."""
        return frozenset(name for group in self.found for name in (group.signs or (group.column,)))

    def as_data(self) -> list[dict[str, Any]]:
        """Return plain data for `model.json`."""
        return [asdict(group) for group in self.found]


def groups_from_data(data: Sequence[Mapping[str, Any]]) -> Groups:
    """Rebuild groups from plain data, as `as_data` gave them."""
    return Groups(tuple(Group(**{**item, "signs": tuple(item["signs"])}) for item in data))


def levels_of(table: pa.Table, column: str, signs: Sequence[str]) -> np.ndarray:
    """Return the level of every row: text, empty where unknown; of a history by its signs.

    Raises
    ------
    NotReady : the table lacks what the level is read from.
    """
    if column == HISTORY:
        for name in signs:
            _need(table, name)
        counts = [pc.fill_null(table[name].cast(pa.float64()), 0.0).to_numpy() for name in signs]
        return np.where(np.nan_to_num(np.sum(counts, axis=0)) <= 1, THIN, "full")
    _need(table, column)
    texts = pc.fill_null(table[column].cast(pa.string()), "")
    return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=str)


def levels_by_column(rows: Rows) -> dict[str, np.ndarray]:
    """Return the levels of every column by which these rows can be grouped."""
    signs = signs_of(rows)
    columns = ([HISTORY] if signs else []) + list(rows.groups)
    return {column: levels_of(rows.table, column, signs) for column in columns}


def signs_of(rows: Rows) -> tuple[str, ...]:
    """Return the counts of what a customer did, of those there are."""
    return tuple(name for name in SIGNS if name in rows.names)


def fit_groups(later: Sequence[Rows], scores: Sequence[np.ndarray]) -> Groups:
    """Learn what each group shows beyond the scores, on rows the models had not seen.

    Parameters
    ----------
    later : labelled rows of each period.
    scores : calibrated log-odds of the same rows, each period's own level included.
    """
    together = replace(later[0], table=pa.concat_tables([rows.table for rows in later]))
    labels = np.concatenate([rows.labels for rows in later])
    score = np.concatenate(scores)
    customers = np.concatenate([rows.customers for rows in later])
    # one customer at several dates is less than as many customers
    repeats = len(customers) / max(len(np.unique(customers)), 1)
    found: list[Group] = []
    for column, levels in levels_by_column(together).items():
        if column == HISTORY:
            thin = _thin(levels == THIN, score, labels, repeats)
            made = [replace(group, signs=signs_of(together)) for group in thin]
        else:
            made = _shifts(column, levels, score, labels, repeats)
        score = Groups(tuple(made)).adjust(score, together.table)
        found += made
    return Groups(tuple(found))


def _thin(mine: np.ndarray, score: np.ndarray, labels: np.ndarray, repeats: float) -> list[Group]:
    """Fit slope and shift of the thin histories by penalised likelihood."""
    from scipy.optimize import minimize

    given, y = score[mine], labels[mine]
    if len(y) < LEAST_ROWS or len(y) == len(labels):
        return []

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        fitted = at[0] * given + at[1]
        wrong = sigmoid(fitted) - y
        total = (np.logaddexp(0, fitted) - y * fitted).sum() / repeats
        off = np.array([at[0] - 1, at[1]])
        slope = np.array([(wrong * given).sum(), wrong.sum()]) / repeats
        return float(total + BELIEF_ROWS * (off * off).sum()), slope + 2 * BELIEF_ROWS * off

    start = np.array([1.0, 0.0])
    slope, shift = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, 1.5), (-3.0, 3.0)]
    ).x
    return [Group(column=HISTORY, level=THIN, slope=float(slope), shift=float(shift))]


def _shifts(
    column: str, levels: np.ndarray, score: np.ndarray, labels: np.ndarray, repeats: float
) -> list[Group]:
    """Shrink each level's shift by how much of the spread between levels is more than chance."""
    names, place, counts = np.unique(levels, return_inverse=True, return_counts=True)
    risk = sigmoid(score)
    weight = np.bincount(place, risk * (1 - risk)) / repeats
    wrong = np.bincount(place, labels - risk) / repeats
    told = (counts >= LEAST_ROWS) & (names != "") & (weight > 0)
    if told.sum() < 2:  # noqa: PLR2004 - one level has no others to differ from
        return []
    shift, w = wrong[told] / weight[told], weight[told]
    centre = (w * shift).sum() / w.sum()
    chance = len(w) - 1
    excess = (w * (shift - centre) ** 2).sum() - chance
    spread = max(0.0, excess / (w.sum() - (w**2).sum() / w.sum()))
    shrunk = shift * spread / (spread + 1 / w)
    return [
        Group(column=column, level=str(name), shift=float(value))
        for name, value in zip(names[told], shrunk, strict=True)
        if abs(value) > 1e-3  # noqa: PLR2004 - nothing anybody could see
    ]


def _need(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        raise NotReady(
            "the features to score",
            f"no column {name}, by which the model is calibrated",
            "every column the model was trained with",
            "map the source again, or run `forestay train`",
        )
