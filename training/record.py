"""Everything a run leaves behind: parameters, metrics, pictures, card, files, registered version.

Logged under names that are expected in the MLflow UI. Customers appear as hashes only.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from features.errors import BrokenRecord
from features.workspace import Target
from training.bootstrap import Interval
from training.champion import save_champion
from training.dataset import Dataset
from training.evaluate import Predictions
from training.fit import TREE_COUNT, parameters_for
from training.judgement import Judgement
from training.model import RiskModel
from training.model_card import Card, write_card
from training.plots import draw_all
from training.procedure import Recipe
from training.promotion import Check, paired_difference, predictions_from, predictions_table
from training.registry import MODEL_FOLDER, NO_SKILL, SHA256, champion_run, register
from training.rows import Rows
from training.tracking import Run, Store
from training.train_report import named_metrics

PLOTS, CARD, EVALUATION = "plots", "card", "evaluation"
PREDICTIONS = "test_predictions.parquet"
_LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The served model of a run, how it was made and how the procedure was judged."""

    target: Target
    dataset: Dataset
    judgement: Judgement
    model: RiskModel
    recipe: Recipe
    warnings: tuple[Mapping[str, str], ...]
    rows: Rows


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
    sha256 = save_champion(scratch / MODEL_FOLDER, fitted.model, fitted.judgement.folds)
    run.log_folder(scratch / MODEL_FOLDER, MODEL_FOLDER)
    counts = {f"test_evaluations_{day}": float(count) for day, count in looks.items()}
    run.log(
        params=_params(fitted),
        metrics=_metrics(fitted) | counts,
        tags=_tags(fitted, checks, sha256),
    )
    source = {"made_by": "forestay features --training-set"}
    run.log_dataset(f"{name} training set", fitted.dataset.fingerprint, source)
    _write_evaluation(scratch / EVALUATION, fitted, checks)
    run.log_folder(scratch / EVALUATION, EVALUATION)
    judgement = fitted.judgement
    pictures = draw_all(
        scratch / PLOTS, judgement.predictions, judgement.baseline_risk, fitted.model,
        judgement.test_rows.table,
    )  # fmt: skip
    run.log_folder(scratch / PLOTS, PLOTS)
    (scratch / CARD).mkdir()
    write_card(_card(name, fitted, checks, sha256, pictures), scratch / CARD / "model_card.html")
    run.log_folder(scratch / CARD, CARD)
    logged = _log_booster(fitted)
    return register(run.store, name, logged, run.run_id, _tags(fitted, checks, sha256))


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


def _params(fitted: Fitted) -> dict[str, object]:
    plan, recipe = fitted.dataset.plan, fitted.recipe
    # MLflow takes no comma in a name
    weights = {f"weight of {n.replace(',', '')}": w for n, w in recipe.weights.items()}
    return (
        parameters_for(len(fitted.rows.labels), recipe.params)
        | weights
        | {
            TREE_COUNT: recipe.trees,
            "shift_believed": recipe.belief,
            "validated_on": ", ".join(recipe.validated_on),
            "calibrator_a": fitted.model.calibrator.a,
            "calibrator_b": fitted.model.calibrator.b,
            "features": len(fitted.dataset.feature_names),
            "target_kind": fitted.target.kind,
            "horizon_days": fitted.target.horizon_days,
            "lead_days": fitted.target.lead_days,
            "grace_days": fitted.target.grace_days,
            "active_within_days": fitted.target.active_within_days,
            "trained_on": ", ".join(f"{day}" for day in recipe.train_on),
            "tested_on": ", ".join(f"{day}" for day in plan.test_as_of),
            "cross_validated": plan.cross_validated,
            "dataset_fingerprint": fitted.dataset.fingerprint,
            "catalogue_fingerprint": fitted.dataset.catalogue.fingerprint,
        }
    )


def _metrics(fitted: Fitted) -> dict[str, float]:
    ours = named_metrics(fitted.judgement.ours.metrics)
    plain = named_metrics(fitted.judgement.baseline.metrics)
    named = ours | {f"baseline_{name}": value for name, value in plain.items()}
    counts = {
        "n_train": float(len(fitted.rows.labels)),
        "n_test": float(len(fitted.judgement.predictions.labels)),
        "base_rate": float(fitted.judgement.predictions.labels.mean()),
    }
    return counts | {name: value for name, value in named.items() if value is not None}


def _tags(fitted: Fitted, checks: Sequence[Check], sha256: str) -> dict[str, str]:
    libraries = " ".join(f"{name} {version_of(name)}" for name in _LIBRARIES)
    return {
        SHA256: sha256,
        NO_SKILL: str(fitted.judgement.ours.no_skill).lower(),
        "gate": json.dumps([check.as_dict() for check in checks]),
        "forestay.version": version_of("forestay"),
        "environment": f"Python {platform.python_version()} {platform.machine()} {libraries}",
    }


def _write_evaluation(folder: Path, fitted: Fitted, checks: Sequence[Check]) -> None:
    folder.mkdir()
    judgement = fitted.judgement
    table = predictions_table(judgement.predictions, judgement.baseline_risk)
    pq.write_table(table, folder / PREDICTIONS)
    record = {
        "features": list(fitted.dataset.feature_names),
        "gate": [check.as_dict() for check in checks],
        "warnings": [dict(warning) for warning in fitted.warnings],
        "recipes": {name: _recipe(r) for name, r in judgement.recipes.items()}
        | {"served": _recipe(fitted.recipe)},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / "choices.json").write_text(text + "\n", encoding="utf-8")


def _recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "weights": dict(recipe.weights),
        "trees": recipe.trees,
        "params": dict(recipe.params),
        "train_on": [f"{day}" for day in recipe.train_on],
        "validated_on": list(recipe.validated_on),
        "losses": dict(recipe.losses),
        "base_rate_shifts": dict(recipe.shifts),
        "shift_believed": recipe.belief,
        "tuned": None if recipe.tuned is None else asdict(recipe.tuned),
    }


def _card(
    name: str, fitted: Fitted, checks: Sequence[Check], sha256: str, pictures: Sequence[Path]
) -> Card:
    model, plan = fitted.model, fitted.dataset.plan
    facts = (
        ("trained on", f"{len(fitted.rows.labels):,} rows of {_days(fitted.recipe.train_on)}"),
        ("cases among them", f"{model.base_rate:.1%}"),
        ("made of", _members(fitted.recipe)),
        ("chosen on", ", ".join(fitted.recipe.validated_on)),
        ("calibration", _calibration(model)),
        ("features read", f"{len(model.names)}"),
        ("fingerprint of the rows", fitted.dataset.fingerprint),
        ("SHA-256 of the model", sha256),
    )  # fmt: skip
    return Card(
        title=f"Model card: {name}",
        question=_question(fitted.target),
        facts=facts,
        ours=fitted.judgement.ours,
        baseline=fitted.judgement.baseline,
        warnings=[warning["message"] for warning in fitted.warnings],
        checks=[check.as_dict() for check in checks],
        pictures=pictures,
        cross_validated=plan.cross_validated,
    )


def _members(recipe: Recipe) -> str:
    lines = sum(weight > 0 for name, weight in recipe.weights.items() if name != "trees")
    return (
        f"{lines} lines and {recipe.trees} trees of LightGBM (weight {recipe.weights['trees']:.2f})"
    )


def _calibration(model: RiskModel) -> str:
    return f"risk = sigmoid({model.calibrator.a:.4f} x margin {model.calibrator.b:+.4f})"


def _question(target: Target) -> str:
    asked = {
        "lapse": "Will a customer who bought recently buy nothing",
        "contract": "Will a customer's contract end without another",
        "complaint": "Will an active customer complain",
        "outcomes": f"Will the outcome '{target.name}' be recorded for a customer",
    }[target.kind]
    ahead = f" from day {target.lead_days} on" if target.lead_days else ""
    return f"{asked} within {target.horizon_days} days{ahead}?"


def _days(days: Sequence[Any]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} dates, {days[0]} to {days[-1]}"


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
