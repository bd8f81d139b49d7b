"""Everything a run leaves behind: parameters, metrics, pictures, card, files, registered version.

Logged under names that are expected in the MLflow UI. Customers appear as hashes only.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version as version_of
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from features.errors import BrokenRecord
from training.bootstrap import Interval
from training.card_facts import card_of
from training.champion import save_champion
from training.evaluate import Predictions
from training.fitted import Fitted
from training.judgement import judged_data
from training.model_card import write_card
from training.plots import draw_all
from training.promotion import Check, paired_difference, predictions_from, predictions_table
from training.registry import MODEL_FOLDER, champion_run, register
from training.run_facts import metrics_of, params_of, recipe_data, tags_of
from training.tracking import Run, Store

PLOTS, CARD, EVALUATION = "plots", "card", "evaluation"
PREDICTIONS = "test_predictions.parquet"


def record_run(
    run: Run, name: str, fitted: Fitted, checks: Sequence[Check], looks: Mapping[str, int],
    scratch: Path,
) -> str:  # fmt: skip
    """Log a run and register its model; return the version.

    Parameters
    ----------
    run : going on.
    name : of the registered model.
    fitted : model and judgement.
    checks : of the gate.
    looks : how often each test date was judged on, this run included.
    scratch : an empty folder that goes away.
    """
    sha256 = save_champion(
        scratch / MODEL_FOLDER, fitted.model, fitted.judgement.folds,
        judged_data(
            fitted.judgement, fitted.model, fitted.recipe,
            fitted.dataset.plan.served_a_year_before,
        ),
    )  # fmt: skip
    run.log_folder(scratch / MODEL_FOLDER, MODEL_FOLDER)
    counts = {f"test_evaluations_{day}": float(count) for day, count in looks.items()}
    run.log(
        params=params_of(fitted),
        metrics=metrics_of(fitted) | counts,
        tags=tags_of(fitted, checks, sha256),
    )
    run.log_curve("later_log_loss", fitted.recipe.curve)
    source = {"made_by": "forestay features --training-set"}
    run.log_dataset(f"{name} training set", fitted.dataset.fingerprint, source)
    _write_evaluation(scratch / EVALUATION, fitted, checks)
    run.log_folder(scratch / EVALUATION, EVALUATION)
    pictures = draw_all(scratch / PLOTS, fitted.judgement, fitted.model)
    run.log_folder(scratch / PLOTS, PLOTS)
    (scratch / CARD).mkdir()
    write_card(card_of(name, fitted, checks, sha256, pictures), scratch / CARD / "model_card.html")
    run.log_folder(scratch / CARD, CARD)
    logged = _log_booster(fitted)
    return register(run.store, name, logged, run.run_id, tags_of(fitted, checks, sha256))


def champion_difference(store: Store, name: str, new: Predictions) -> Interval | None:
    """Compare with the champion on the rows its own run was tested on; None where none is common.

    What the champion said of them then is kept with its run: it had not seen their labels either.
    """
    run_id = champion_run(store, name)
    if run_id is None:
        return None
    try:
        folder = store.artifacts_of(run_id, EVALUATION)
    except BrokenRecord:
        return None  # a champion whose predictions are lost must not keep a better one out
    return paired_difference(new, predictions_from(pq.read_table(folder / PREDICTIONS)))


def _write_evaluation(folder: Path, fitted: Fitted, checks: Sequence[Check]) -> None:
    folder.mkdir()
    judgement = fitted.judgement
    table = predictions_table(judgement.predictions, judgement.baseline_risk)
    pq.write_table(table, folder / PREDICTIONS)
    record = {
        "features": list(fitted.dataset.feature_names),
        "gate": [check.as_dict() for check in checks],
        "warnings": [dict(warning) for warning in fitted.warnings],
        "recipes": {name: recipe_data(r) for name, r in judgement.recipes.items()}
        | {"served": recipe_data(fitted.recipe)},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / "choices.json").write_text(text + "\n", encoding="utf-8")


def _log_booster(fitted: Fitted) -> str:
    """Log the trees as LightGBM's own text with their signature; the margin needs our files too."""
    import mlflow.lightgbm
    import pandas as pd
    from mlflow.models import infer_signature

    model = fitted.model
    sample = fitted.judgement.test_rows.table.slice(0, 50)
    matrix = model.encoding.tree_matrix(model.encoding.read(sample)).astype(np.float64)
    frame = pd.DataFrame(matrix, columns=list(model.encoding.tree_names))
    signature = infer_signature(frame, model.trees.predict(matrix, raw_score=True))
    requirements = [f"{name}=={version_of(name)}" for name in ("lightgbm", "numpy")]
    logged = mlflow.lightgbm.log_model(
        model.trees, name="trees", pip_requirements=requirements, signature=signature
    )
    return logged.model_uri
