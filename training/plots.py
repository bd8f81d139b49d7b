"""Pictures of a model on its test dates: gain, calibration, and what drives the margin.

Drawn without a display and without touching global styles; nobody is named on them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.bands import BANDS, cutoffs
from training.evaluate import Predictions
from training.judgement import Judgement
from training.model import RiskModel

OURS, PLAIN, QUIET = "#0b6e4f", "#d9822b", "#9aa5b1"
INK = "#1f2933"
LOW, HIGH = "#3b6fb6", "#c8443c"
SHOWN = 15
ROWS = 2000
BINS = 10
#: More dates than these are said as a span.
LISTED_DATES = 4


def draw_all(folder: Path, judgement: Judgement, model: RiskModel) -> tuple[Path, ...]:
    """Draw the four pictures into a folder.

    Parameters
    ----------
    folder : where; made if need be.
    judgement : out-of-time risks of the test rows, ours and the baseline's, and their bands.
    model : the served model, for the drivers.
    """
    predictions, baseline = judgement.predictions, judgement.baseline_risk
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "gain.png": _gain(predictions, baseline),
        "calibration.png": _calibration(predictions, baseline),
        "bands.png": _bands(judgement),
        "shap_summary.png": _drivers(model, judgement.test_rows.table),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=130, metadata={"Software": None})
    return tuple(folder / name for name in pictures)


def _canvas(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure without pyplot, which would keep it and pick a window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=9)
    return figure, axes


def _title(axes: Any, title: str, below: str) -> None:  # noqa: ANN401 - matplotlib is untyped here
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=24)
    axes.text(0, 1.03, below, transform=axes.transAxes, fontsize=9, color="#52606d")


def _gain(predictions: Predictions, baseline: np.ndarray) -> Any:  # noqa: ANN401 - a figure
    figure, axes = _canvas(6.4, 4.8)
    for risk, colour, words in (
        (predictions.risk, OURS, "this model"),
        (baseline, PLAIN, "plain logistic baseline"),
    ):
        share, caught = _mean_gain(predictions, risk)
        axes.plot(share, caught, color=colour, lw=2.2, label=words)
        tenth = float(np.interp(0.1, share, caught))
        axes.plot([0.1], [tenth], "o", color=colour, ms=5)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls="--", label="by chance")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.set_xlabel("share of customers contacted, highest risk first", fontsize=10, color=INK)
    axes.set_ylabel("share of the cases among them", fontsize=10, color=INK)
    _percent(axes)
    axes.legend(frameon=False, loc="lower right", fontsize=9)
    _title(axes, "How many of the cases a short list finds", _dates(predictions))
    return figure


def _mean_gain(predictions: Predictions, risk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(0, 1, 201)
    curves = []
    for day in np.unique(predictions.as_of):
        rows = predictions.as_of == day
        order = np.lexsort((predictions.customers[rows], -risk[rows]))
        caught = np.cumsum(predictions.labels[rows][order])
        share = np.arange(1, len(caught) + 1) / len(caught)
        total = max(caught[-1], 1)
        curves.append(np.interp(grid, np.append(0, share), np.append(0, caught / total)))
    return grid, np.mean(curves, axis=0)


def _calibration(predictions: Predictions, baseline: np.ndarray) -> Any:  # noqa: ANN401 - a figure
    figure, axes = _canvas(6.4, 4.8)
    highest = 0.0
    for risk, colour, words in (
        (baseline, PLAIN, "plain logistic baseline"),
        (predictions.risk, OURS, "this model"),
    ):
        said, seen, error = _bins(risk, predictions.labels)
        axes.errorbar(
            said,
            seen,
            yerr=error,
            color=colour,
            marker="o",
            ms=5,
            lw=1.8,
            elinewidth=1,
            label=words,
        )
        highest = max(highest, float(said.max()), float((seen + error).max()))
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls="--", label="perfect")
    top = min(1.0, highest * 1.08)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_xlabel(
        "risk said (mean of each tenth of the customers; bars: 95% intervals)",
        fontsize=10,
        color=INK,
    )
    axes.set_ylabel("share of cases seen", fontsize=10, color=INK)
    _percent(axes)
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    _title(axes, "Whether risks are what they say", _dates(predictions))
    return figure


def _bins(risk: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(risk, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    said = np.array([risk[part].mean() for part in parts])
    seen = np.array([labels[part].mean() for part in parts])
    count = np.array([len(part) for part in parts])
    return said, seen, 1.96 * np.sqrt(seen * (1 - seen) / count)


def _bands(judgement: Judgement) -> Any:  # noqa: ANN401 - a figure
    """Draw what each band says (its limits), what was said in it, and what was seen."""
    figure, axes = _canvas(6.4, 3.4)
    cuts = list(cutoffs(judgement.base_rate).values())
    lower, upper = [*cuts, 0.0], [1.0, *cuts]
    seen = {one.name: one for one in judgement.bands}
    first = next(iter(seen), "")
    for place, name in enumerate(reversed(BANDS)):
        start, end = lower[BANDS.index(name)], upper[BANDS.index(name)]
        axes.barh(place, end - start, left=start, height=0.62, color="#e4e7eb", zorder=1)
        if (one := seen.get(name)) is None:
            continue
        value, low, high = one.seen.value, one.seen.low, one.seen.high
        error = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
        axes.errorbar(
            value, place, xerr=error, color=OURS, marker="o", ms=6, lw=2, zorder=3,
            label="share of cases seen, 95% interval" if name == first else None,
        )  # fmt: skip
        axes.plot(
            one.said, place, "|", color=PLAIN, ms=16, mew=2, zorder=2,
            label="mean risk said" if name == first else None,
        )  # fmt: skip
    names = [f"{n.replace('_', ' ')}  {seen[n].rows if n in seen else 0:,}" for n in BANDS[::-1]]
    axes.set_yticks(range(len(BANDS)), names, fontsize=9)
    axes.set(xlim=(0, 1))
    _percent(axes, vertical=False)
    if seen:
        axes.legend(frameon=False, loc="lower right", fontsize=8)
    below = "grey: the limits of each band; beside its name how many customers were in it"
    _title(axes, "Whether bands hold what they say", below)
    return figure


def _drivers(model: RiskModel, rows: pa.Table) -> Any:  # noqa: ANN401 - a figure
    """Draw each feature's SHAP contributions, coloured by its value among these rows."""
    step = max(1, rows.num_rows // ROWS)
    sample = rows.take(pa.array(np.arange(0, rows.num_rows, step)))
    contributions, _ = model.contributions(sample)
    order = np.argsort(-np.abs(contributions).mean(0), kind="stable")[:SHOWN]
    figure, axes = _canvas(8.6, 0.36 * len(order) + 1.7)
    chances = np.random.default_rng(7)
    for place, feature in enumerate(order[::-1]):
        values = contributions[:, feature]
        height = place + _spread(values) * chances.uniform(-0.38, 0.38, len(values))
        colours = _colours(sample[model.names[feature]])
        axes.scatter(values, height, c=colours, s=6, alpha=0.55, linewidths=0, rasterized=True)
    axes.axvline(0, color=QUIET, lw=1, zorder=0)
    names = [f"{model.names[f]}   {np.abs(contributions[:, f]).mean():.2f}" for f in order[::-1]]
    axes.set_yticks(range(len(order)), names, fontsize=9)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel("added to the log-odds of the risk", fontsize=10, color=INK)
    below = "one dot a customer: "
    _title(axes, "What drives the risk", f"{below}red high value, blue low, grey text or missing; "
           "beside each name its mean size")  # fmt: skip
    return figure


def _spread(values: np.ndarray) -> np.ndarray:
    """Return how wide to scatter each dot: as dense as its neighbourhood."""
    counts, edges = np.histogram(values, bins=40)
    place = np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(counts) - 1)
    return np.sqrt(counts[place] / max(counts.max(), 1))


def _colours(column: pa.ChunkedArray) -> np.ndarray:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return np.tile(to_rgba(QUIET), (len(column), 1))
    values = np.array(column.cast(pa.float64()).to_numpy(), dtype=float)
    ranks = pc.rank(pa.array(values, from_pandas=True), tiebreaker="max").to_numpy()
    scale = LinearSegmentedColormap.from_list("value", [LOW, "#c9b6d6", HIGH])
    colours = np.array(scale(ranks / max(ranks.max(), 1)))
    colours[np.isnan(values)] = to_rgba(QUIET)
    return colours


def _percent(axes: Any, *, vertical: bool = True) -> None:  # noqa: ANN401 - matplotlib is untyped here
    from matplotlib.ticker import PercentFormatter

    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if vertical:
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(color="#e4e7eb", lw=0.8)
    axes.set_axisbelow(True)


def _dates(predictions: Predictions) -> str:
    days = [f"{day}" for day in np.unique(predictions.as_of)]
    words = ", ".join(days) if len(days) <= LISTED_DATES else f"{days[0]} to {days[-1]}"
    return f"{len(predictions.labels):,} rows not seen in training, as of {words}"
