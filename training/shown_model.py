"""What a registered model can show of itself, from its run and from SHAP on a sample of customers.

Only what was kept: a run of an older version may lack some of it, and says so by its absence.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import BrokenRecord
from features.workspace import Workspace
from training.champion import Champion
from training.promotion.promote import EVALUATION, PREDICTIONS
from training.record import PLOTS
from training.registry import ModelVersion, list_models, load_version
from training.tracking import open_existing

#: Customers of whom pictures are drawn, and features of which the dependence is.
SAMPLE, DEPENDENCE = 2000, 10


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """Everything kept of one version.

    Attributes
    ----------
    dates : one mapping a test date: rows, cases, mean risk, ROC AUC of ours and of the baseline.
    importance : mean absolute contribution by feature on the sample, the largest first.
    pictures : PNG files by name, of the run (gain, calibration, bands) and drawn here (beeswarm,
        dependence).
    """

    version: ModelVersion
    champion: Champion
    params: Mapping[str, str]
    tags: Mapping[str, str]
    warnings: Sequence[str]
    dates: Sequence[Mapping[str, Any]]
    importance: Sequence[tuple[str, float]]
    sampled: int
    pictures: Mapping[str, bytes]


def model_facts(workspace: Workspace, target: str, version: str, sample: pa.Table) -> ModelFacts:
    """Gather what a version can show.

    Parameters
    ----------
    sample : features of some customers, for importance and pictures.

    Raises
    ------
    NotReady : there is no such version. BrokenRecord : its files are not what they were.
    """
    champion = load_version(workspace, target, version)
    found = next(one for one in list_models(workspace, target) if one.version == version)
    store = open_existing(workspace)
    assert store is not None  # noqa: S101 - the version was found in it
    run = store.client.get_run(found.run_id)
    kept = _kept(store, found.run_id)
    rows = sample.slice(0, SAMPLE)
    contributions = champion.score(rows).contributions
    mean = np.abs(contributions).mean(axis=0) if rows.num_rows else np.zeros(0)
    order = np.argsort(-mean, kind="stable")
    return ModelFacts(
        version=found,
        champion=champion,
        params=run.data.params,
        tags=run.data.tags,
        warnings=[str(one.get("message", one)) for one in kept.get("warnings", ())],
        dates=kept.get("dates", ()),
        importance=[(champion.feature_names[n], float(mean[n])) for n in order],
        sampled=rows.num_rows,
        pictures={**kept.get("pictures", {}), **_drawn(champion, rows, contributions, order)},
    )


def as_address(png: bytes) -> str:
    """Return an image as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _kept(store: Any, run_id: str) -> dict[str, Any]:  # noqa: ANN401 - a Store, whose client is untyped
    found: dict[str, Any] = {}
    try:
        folder = store.artifacts_of(run_id, EVALUATION)
        found["warnings"] = json.loads((folder / "choices.json").read_text("utf-8"))["warnings"]
        found["dates"] = _dates(pq.read_table(folder / PREDICTIONS))
        pictures = store.artifacts_of(run_id, PLOTS)
        names = ("gain", "calibration", "bands")
        found["pictures"] = {
            name: path.read_bytes()
            for name in names
            if (path := pictures / f"{name}.png").is_file()
        }
    except (BrokenRecord, OSError, KeyError):  # what an older version did not keep is left out
        return found
    return found


def _dates(predictions: pa.Table) -> list[dict[str, Any]]:
    from sklearn.metrics import roc_auc_score

    days = predictions["as_of"].to_numpy()
    label = predictions["label"].to_numpy()
    risk, baseline = (predictions[name].to_numpy() for name in ("risk", "baseline_risk"))
    found = []
    for day in np.unique(days):
        mine = days == day
        both = 0 < label[mine].mean() < 1
        found.append(
            {
                "as_of": f"{day}",
                "rows": int(mine.sum()),
                "cases": float(label[mine].mean()),
                "said": float(risk[mine].mean()),
                "roc_auc": float(roc_auc_score(label[mine], risk[mine])) if both else None,
                "baseline": float(roc_auc_score(label[mine], baseline[mine])) if both else None,
            }
        )
    return found


def _drawn(
    champion: Champion, rows: pa.Table, contributions: np.ndarray, order: np.ndarray
) -> dict[str, bytes]:
    """Draw the beeswarm and the dependence of the first features, by the shap package."""
    if not rows.num_rows:
        return {}
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import shap

    names = list(champion.feature_names)
    shown = shap.Explanation(values=contributions, data=_numbers(rows, names), feature_names=names)
    # The package draws points in an order of its own chance, by NumPy's global state.
    state = np.random.get_state()  # noqa: NPY002 - what the package uses
    np.random.seed(7)  # noqa: NPY002
    with mpl.rc_context():
        plt.figure()
        shap.plots.beeswarm(shown, max_display=16, show=False, plot_size=(9.5, 7))
        beeswarm = _png(plt.gcf())
        figure, axes = plt.subplots(4, 3, figsize=(11, 12), layout="constrained")
        for axis, place in zip(axes.ravel(), order[:DEPENDENCE], strict=False):
            shap.plots.scatter(shown[:, int(place)], ax=axis, show=False, hist=False, dot_size=6)
            axis.set_ylabel("SHAP")
        for axis in axes.ravel()[min(DEPENDENCE, len(order)) :]:
            axis.set_axis_off()
        dependence = _png(figure)
    np.random.set_state(state)  # noqa: NPY002
    return {"beeswarm": beeswarm, "dependence": dependence}


def _png(figure: Any) -> bytes:  # noqa: ANN401 - matplotlib's figure
    import matplotlib.pyplot as plt

    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _numbers(rows: pa.Table, names: Sequence[str]) -> np.ndarray:
    """Return values as numbers; a text as the place of its level in the alphabet."""
    columns = []
    for name in names:
        column = rows[name].combine_chunks()
        if pa.types.is_string(column.type):
            levels = column.dictionary_encode()
            rank = np.argsort(np.argsort(levels.dictionary.to_pylist()))
            places = levels.indices.to_numpy(zero_copy_only=False)
            known = np.nan_to_num(places).astype(int)
            columns.append(np.where(np.isnan(places.astype(float)), np.nan, rank[known]))
        else:
            columns.append(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return np.column_stack(columns)
