"""The whole procedure from rows to a model: choose on earlier origins, calibrate, fit on all.

Evaluation applies it at each test date to what was known by then; the served model is the same
procedure applied to everything mature. So `test_*` are figures of the procedure.

An *earlier origin* is a snapshot date of the training rows before which label windows of older
snapshots had closed: a model of those is fitted and judged there. Where no date is old enough, or
there is only one, customers are split instead (out-of-fold).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

import numpy as np
import pyarrow as pa

from training.calibrate import Calibrator, fit_calibrator
from training.encode import Encoding, learn_encoding
from training.fit import grow_trees, shifted_losses, watch_trees
from training.linear import LinearChoice, LinearPart, fit_linear, linear_choices
from training.model import RiskModel
from training.rows import Rows
from training.splits import stratified_folds

#: Earlier origins looked at, the newest ones a third of a horizon apart.
ORIGINS = 3
#: Label windows apart it takes to believe half of a shift: it is a season more often than not.
WINDOWS_TO_BELIEVE = 4
#: Rows for choosing; the final fit reads all.
ROWS_TO_CHOOSE = 60_000
#: What a more flexible choice must gain at least, beside its standard error, to be worth having.
WORTH = 2e-4


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What fitting has to know of the label windows.

    ``closed_by(day, later)`` says whether the window of `day` had closed when `later` began.
    """

    closed_by: Callable[[date, date], bool]
    horizon_days: int


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What was chosen, and the losses that chose it.

    ``size`` is what the weights of the linear part are multiplied by, learnt on later rows.
    """

    linear: LinearChoice
    size: float
    trees: int
    validated_on: tuple[str, ...]
    losses: dict[str, float]


@dataclass(frozen=True)
class _Split:
    """Rows to fit on and later ones (or other customers) to judge on."""

    name: str
    fit: Rows
    later: Rows
    in_time: bool


@dataclass(frozen=True)
class _Prepared:
    """One split, encoded by what its fitting part shows."""

    split: _Split
    encoding: Encoding
    fit_terms: np.ndarray
    later_terms: np.ndarray
    fit_matrix: np.ndarray
    later_matrix: np.ndarray


def fit_model(rows: Rows, train_on: Sequence[date], windows: Windows) -> tuple[RiskModel, Recipe]:
    """Choose, calibrate and fit; nothing later than `rows` is ever looked at.

    Parameters
    ----------
    rows : every row that may be known: of the training dates and of older ones, to choose on.
    train_on : dates the model itself is fitted on.
    windows : when label windows close.
    """
    splits = _splits(rows.sample(ROWS_TO_CHOOSE), train_on, windows)
    prepared = [_prepare(split) for split in splits]
    line, losses = _choose_linear(prepared, rows.names)
    trees, margins = _choose_trees(prepared, line.parts, losses)
    recipe = Recipe(
        linear=line.choice,
        size=line.size,
        trees=trees,
        validated_on=tuple(split.name for split in splits),
        losses=losses,
    )
    calibrator = _calibrator(prepared, margins, windows)
    return _fit_all(rows.on(train_on), recipe).with_calibrator(calibrator), recipe


def _fit_all(rows: Rows, recipe: Recipe) -> RiskModel:
    encoding = learn_encoding(rows.table, rows.names)
    values = encoding.read(rows.table)
    terms = encoding.linear_matrix(values)
    line = fit_linear(terms, rows.labels, recipe.linear, _owners(encoding)).scaled(recipe.size)
    booster = grow_trees(
        encoding.tree_matrix(values),
        rows.labels,
        line.margin(terms),
        encoding.tree_names,
        recipe.trees,
    )
    return RiskModel.of_parts(encoding, line, booster, rows)


def _splits(rows: Rows, train_on: Sequence[date], windows: Windows) -> list[_Split]:
    """Return earlier origins, newest first, or folds of customers where there are none."""
    origins = list(islice(_origins(rows, len(train_on), windows), ORIGINS))
    return origins or list(_folds(rows.on(train_on)))


def _origins(rows: Rows, most_dates: int, windows: Windows) -> Iterator[_Split]:
    """Yield the dates at which older windows had closed, newest first, some days apart."""
    last: date | None = None
    for day in reversed(rows.dates):
        if last is not None and (last - day).days < windows.horizon_days / 3:
            continue
        older = [other for other in rows.dates if windows.closed_by(other, day)]
        fit, later = rows.on(older[-most_dates:]), rows.on([day])
        if fit.both_labels and later.both_labels:
            last = day
            yield _Split(f"{day}", fit, later, in_time=True)


def _folds(rows: Rows) -> Iterator[_Split]:
    ids = pa.array(rows.customers).cast(pa.string())
    folds = stratified_folds(pa.table({"customer_id": ids, "label": rows.labels}))
    for fold in np.unique(folds):
        fit, later = rows.where(folds != fold), rows.where(folds == fold)
        if fit.both_labels and later.both_labels:
            yield _Split(f"fold {fold}", fit, later, in_time=False)


def _calibrator(
    prepared: Sequence[_Prepared], margins: Sequence[np.ndarray], windows: Windows
) -> Calibrator:
    """Fit the calibrator, believing a shift the less the fewer the periods that show it."""
    labels = [part.split.later.labels for part in prepared]
    if not prepared[0].split.in_time:
        return fit_calibrator([np.concatenate(margins)], [np.concatenate(labels)])
    days = [part.split.later.dates[0] for part in prepared]
    # windows that overlap show one season together, however many dates look at it
    apart = 1 + (max(days) - min(days)).days / windows.horizon_days
    return fit_calibrator(margins, labels, belief=apart / (apart + WINDOWS_TO_BELIEVE))


def _prepare(split: _Split) -> _Prepared:
    encoding = learn_encoding(split.fit.table, split.fit.names)
    known, unseen = encoding.read(split.fit.table), encoding.read(split.later.table)
    return _Prepared(
        split=split,
        encoding=encoding,
        fit_terms=encoding.linear_matrix(known),
        later_terms=encoding.linear_matrix(unseen),
        fit_matrix=encoding.tree_matrix(known),
        later_matrix=encoding.tree_matrix(unseen),
    )


@dataclass(frozen=True)
class _Line:
    """One way to make the linear part, fitted on every split, and how it did."""

    choice: LinearChoice
    parts: list[LinearPart]
    size: float
    losses: np.ndarray


def _choose_linear(
    prepared: Sequence[_Prepared], names: Sequence[str]
) -> tuple[_Line, dict[str, float]]:
    """Return the most robust choice, or a later one that beats it beyond noise."""
    best, *others = (_line(choice, prepared) for choice in linear_choices(names))
    means = {best.choice.name: float(best.losses.mean())}
    for line in others:
        means[line.choice.name] = float(line.losses.mean())
        best = line if _is_better(line.losses, best.losses) else best
    return best, means


def _is_better(losses: np.ndarray, than: np.ndarray) -> bool:
    """Claim that the mean of one falls short of the other's by more than noise."""
    gained = than - losses
    return bool(gained.mean() > max(WORTH, gained.std() / len(gained) ** 0.5))


def _line(choice: LinearChoice, prepared: Sequence[_Prepared]) -> _Line:
    """Fit one choice on every split and learn its size on the later rows of all together."""
    fitted = [
        fit_linear(part.fit_terms, part.split.fit.labels, choice, _owners(part.encoding))
        for part in prepared
    ]
    labels = [part.split.later.labels for part in prepared]
    size = fit_calibrator(_margins(fitted, prepared), labels).a
    parts = [part.scaled(size) for part in fitted]
    return _Line(choice, parts, size, _all_losses(_margins(parts, prepared), prepared))


def _all_losses(margins: Sequence[np.ndarray], prepared: Sequence[_Prepared]) -> np.ndarray:
    pairs = zip(margins, prepared, strict=True)
    return np.concatenate([shifted_losses(margin, p.split.later.labels) for margin, p in pairs])


def _margins(parts: Sequence[LinearPart], prepared: Sequence[_Prepared]) -> list[np.ndarray]:
    pairs = zip(parts, prepared, strict=True)
    return [line.margin(part.later_terms) for line, part in pairs]


def _choose_trees(
    prepared: Sequence[_Prepared], lines: Sequence[LinearPart], losses: dict[str, float]
) -> tuple[int, list[np.ndarray]]:
    """Return the count with the lowest pooled loss, and the margins out of time at that count."""
    boosters, curves, margins = [], [], []
    for part, line in zip(prepared, lines, strict=True):
        margins.append(line.margin(part.later_terms))
        booster, curve = watch_trees(
            (part.fit_matrix, part.split.fit.labels, line.margin(part.fit_terms)),
            (part.later_matrix, part.split.later.labels, margins[-1]),
        )
        boosters.append(booster)
        curves.append(curve)
    common = min(len(curve) for curve in curves)
    trees = int(
        np.argmin([_pooled([curve[k] for curve in curves], prepared) for k in range(common)])
    )
    grown = [
        margin + booster.predict(part.later_matrix, raw_score=True, num_iteration=trees)
        for margin, booster, part in zip(margins, boosters, prepared, strict=True)
        if trees
    ]
    bare = _all_losses(margins, prepared)
    helped = _all_losses(grown, prepared) if trees else bare
    losses |= {"without trees": float(bare.mean()), f"with {trees} trees": float(helped.mean())}
    return (trees, grown) if _is_better(helped, bare) else (0, margins)


def _pooled(losses: Sequence[float], prepared: Sequence[_Prepared]) -> float:
    return float(np.average(losses, weights=[len(part.split.later.labels) for part in prepared]))


def _owners(encoding: Encoding) -> list[str]:
    return [encoding.names[place] for place in encoding.term_owner]
