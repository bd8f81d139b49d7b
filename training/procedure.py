"""The whole procedure from rows to a model: choose on earlier origins, calibrate, fit on all.

Evaluation applies it at each test date to what was known by then; the served model is the same
procedure applied to everything mature. So `test_*` are figures of the procedure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from training.calibrate import FEW, Calibrator, fit_periods
from training.earlier_origins import Prepared, Windows, earlier_origins
from training.fit import base_log_odds, best_shift, grow_trees
from training.linear import LinearChoice, LinearPart, fit_linear, linear_choices
from training.members import Stack, Trees, grow_on, lines_later, pooled, weigh
from training.model import RiskModel
from training.rows import Rows
from training.segments import Groups, fit_groups
from training.terms import Terms
from training.tune import Tuned, tune

#: Label windows apart it takes to believe half of a shift: it is a season more often than not.
WINDOWS_TO_BELIEVE = 4
#: Part of last year's season that is carried on.
SEASON_BELIEVED = 0.5
#: Rows for choosing; the final fit reads all.
ROWS_TO_CHOOSE = 60_000
#: The line that tells whether older dates help; any one of them would.
TELLING = "all, shrinkage 0.01"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user says of fitting: LightGBM parameters, and seconds to search for better ones."""

    params: Mapping[str, float] = field(default_factory=dict)
    tune_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What was chosen, and the losses that chose it.

    ``weights`` by member, the trees last; ``shifts`` are the observed less the expected log-odds
    at each earlier origin, of which the part ``belief`` of the mean is carried on; ``season`` is
    that of the same day a year ago, of which half is carried on instead where it is known;
    ``carried_on`` is what the risks were moved by.
    """

    weights: Mapping[str, float]
    trees: int
    params: Mapping[str, float]
    train_on: tuple[date, ...]
    validated_on: tuple[str, ...]
    losses: Mapping[str, float]
    curve: tuple[float, ...]
    shifts: Mapping[str, float]
    belief: float
    carried_on: float = 0.0
    season: float | None = None
    tuned: Tuned | None = None


@dataclass(frozen=True, kw_only=True)
class _Calibrated:
    """What later rows say of the margins."""

    calibrator: Calibrator
    groups: Groups
    shifts: Mapping[str, float]
    belief: float


def fit_model(
    rows: Rows,
    train_on: Sequence[date],
    windows: Windows,
    wishes: Wishes | None = None,
    *,
    a_year_before: date | None = None,
) -> tuple[RiskModel, Recipe]:
    """Choose, calibrate and fit; nothing later than `rows` is ever looked at.

    Parameters
    ----------
    rows : every row that may be known: of the training dates and of older ones, to choose on.
    train_on : dates the model itself may be fitted on; the older half is left out where earlier
        origins did better without.
    windows : when label windows close.
    wishes : of the user.
    a_year_before : the day a year before the one to be scored, whose labels show the season.
    """
    wishes = wishes or Wishes()
    train_on, prepared = _choose_dates(rows.sample(ROWS_TO_CHOOSE), train_on, windows)
    choices = linear_choices(rows.names)
    lines = lines_later(prepared, choices)

    def weighed(own: Mapping[str, float]) -> tuple[Trees, Stack]:
        trees = grow_on(prepared, own)
        return trees, weigh(prepared, choices, lines, trees)

    trees, stack = weighed(wishes.params)
    tuned = tune(weighed, wishes.params, stack, wishes.tune_seconds)
    if tuned is not None:
        trees, stack = weighed(tuned.params)
    calibrated = _calibrate(prepared, stack.margins, windows)
    recipe = replace(
        _recipe((train_on, prepared), choices, (trees, stack), calibrated),
        params=wishes.params if tuned is None else tuned.params,
        tuned=tuned,
    )
    model = _fit_all(rows.on(train_on), recipe, windows)
    model = model.calibrated(calibrated.calibrator, calibrated.groups)
    if a_year_before is None or a_year_before in train_on:
        return model, recipe
    return _with_season(model, recipe, rows.on([a_year_before]))


def _recipe(
    dates: tuple[Sequence[date], Sequence[Prepared]],
    choices: Sequence[LinearChoice],
    members: tuple[Trees, Stack],
    calibrated: _Calibrated,
) -> Recipe:
    """Write down what was chosen, but for the parameters."""
    (train_on, prepared), (trees, stack) = dates, members
    names = [*(choice.name for choice in choices), "trees"]
    return Recipe(
        weights={name: float(w) for name, w in zip(names, stack.weights, strict=True)},
        trees=trees.count if stack.weights[-1] else 0,
        params={},
        train_on=tuple(train_on),
        validated_on=tuple(part.split.name for part in prepared),
        losses={**stack.alone, "together": float(stack.losses.mean())},
        curve=tuple(float(loss) for loss in trees.curve),
        shifts=calibrated.shifts,
        belief=calibrated.belief,
        carried_on=calibrated.calibrator.b,
    )


def _choose_dates(
    rows: Rows, train_on: Sequence[date], windows: Windows
) -> tuple[Sequence[date], list[Prepared]]:
    """Return all the dates or their newer half, whichever did better, prepared on each origin.

    Older dates bring more rows and another season; which weighs more is told by one line.
    """
    prepared = _prepared(rows, train_on, windows)
    newer = train_on[len(train_on) // 2 :]
    if len(newer) == len(train_on) or not rows.on(newer).both_labels:
        return train_on, prepared
    fewer = _prepared(rows, newer, windows)
    alike = [part.split.name for part in fewer] == [part.split.name for part in prepared]
    if not alike or not prepared[0].split.in_time:
        return train_on, prepared
    choice = [c for c in linear_choices(rows.names) if c.name == TELLING]
    both = [_telling_loss(parts, choice) for parts in (prepared, fewer)]
    return (newer, fewer) if both[1] < both[0] else (train_on, prepared)


def _prepared(rows: Rows, train_on: Sequence[date], windows: Windows) -> list[Prepared]:
    return [Prepared.of(split, windows) for split in earlier_origins(rows, train_on, windows)]


def _telling_loss(prepared: Sequence[Prepared], choice: Sequence[LinearChoice]) -> float:
    labels = [part.split.later.labels for part in prepared]
    return float(pooled(lines_later(prepared, choice)[0], labels).mean())


def _calibrate(
    prepared: Sequence[Prepared], margins: Sequence[np.ndarray], windows: Windows
) -> _Calibrated:
    """Fit the calibrator, believing a shift the less the fewer the periods that show it."""
    later = [part.split.later for part in prepared]
    if not prepared[0].split.in_time:
        once = fit_periods([np.concatenate(margins)], [np.concatenate([r.labels for r in later])])
        groups = fit_groups(later, [once.slope * margin + once.shifts[0] for margin in margins])
        shifts = {"folds": once.shifts[0]}
        return _Calibrated(calibrator=once.calibrator(), groups=groups, shifts=shifts, belief=1.0)
    periods = fit_periods(margins, [rows.labels for rows in later])
    days = [rows.dates[0] for rows in later]
    # windows that overlap show one season together, however many dates look at it
    apart = 1 + (max(days) - min(days)).days / windows.horizon_days
    belief = apart / (apart + WINDOWS_TO_BELIEVE)
    shifts = {f"{day}": shift for day, shift in zip(days, periods.shifts, strict=True)}
    return _Calibrated(
        calibrator=periods.calibrator(belief),
        groups=fit_groups(later, periods.scores(margins)),
        shifts=shifts,
        belief=belief,
    )


def _with_season(model: RiskModel, recipe: Recipe, before: Rows) -> tuple[RiskModel, Recipe]:
    """Shift the risks by half of what the same season showed a year ago.

    The model has not seen those rows. One year tells a season from a change of business no better
    than evenly, hence half; it replaces the shift of the latest origins, which show other seasons.
    """
    if min(before.labels.sum(), len(before.labels) - before.labels.sum()) < FEW:
        return model, recipe
    bare = replace(model.calibrator, b=0.0)
    found = best_shift(bare.score(model.margin(before.table)), before.labels)
    season = replace(bare, b=SEASON_BELIEVED * found)
    told = replace(recipe, season=found, carried_on=season.b)
    return model.calibrated(season, model.groups), told


def _fit_all(rows: Rows, recipe: Recipe, windows: Windows) -> RiskModel:
    """Fit every member on all rows, and add them up into one line and one forest."""
    terms = Terms.learn(rows, windows.horizon_days if windows.of_purchases else None)
    matrix, tree_matrix = terms.matrices(rows.table)
    base = LinearPart(base_log_odds(rows.labels), np.zeros(matrix.shape[1]))
    line = base
    for choice in linear_choices(rows.names):
        if weight := recipe.weights[choice.name]:
            fitted = fit_linear(matrix, rows.labels, choice, terms.owners)
            line = line.plus(fitted.plus(base, -1.0), weight)
    names = terms.encoding.tree_names
    trees = grow_trees(tree_matrix, rows.labels, names, recipe.trees, recipe.params)
    return RiskModel.of_parts(terms, line, trees, recipe.weights["trees"], rows)
