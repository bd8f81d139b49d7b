"""What a run says of itself in MLflow: parameters, metrics and tags by the names people expect."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from training.fit import TREE_COUNT, parameters_for
from training.fitted import Fitted
from training.procedure import Recipe
from training.promotion.gate import Check
from training.registry import NO_SKILL, SHA256
from training.train_report import named_metrics

_LIBRARIES = ("lightgbm", "scikit-learn", "numpy", "pyarrow")
#: Code that decides what a model is, from the repository's root.
_CODE = ("features", "training")


def params_of(fitted: Fitted) -> dict[str, object]:
    """Return LightGBM's parameters by its own names, the weights of the members, and the dates."""
    plan, recipe = fitted.dataset.plan, fitted.recipe
    # MLflow takes no comma in a name
    weights = {f"weight of {n.replace(',', '')}": w for n, w in recipe.weights.items()}
    return (
        parameters_for(len(fitted.rows.labels), recipe.params)
        | weights
        | {
            TREE_COUNT: recipe.trees,
            "shift_believed": recipe.belief,
            "tune_trials": recipe.tuned.trials if recipe.tuned else 0,
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


def metrics_of(fitted: Fitted) -> dict[str, float]:
    """Return test metrics of ours and the baseline, shares seen in the bands, and counts."""
    ours = named_metrics(fitted.judgement.ours.metrics)
    plain = named_metrics(fitted.judgement.baseline.metrics)
    named = ours | {f"baseline_{name}": value for name, value in plain.items()}
    counts = {
        "n_train": float(len(fitted.rows.labels)),
        "n_test": float(len(fitted.judgement.predictions.labels)),
        "base_rate": float(fitted.judgement.predictions.labels.mean()),
    }
    bands = {f"test_band_{one.name}_seen": one.seen.value for one in fitted.judgement.bands}
    known = {name: value for name, value in named.items() if value is not None}
    return counts | known | bands


def tags_of(fitted: Fitted, checks: Sequence[Check], sha256: str) -> dict[str, str]:
    """Return what finds a run again and makes it again: hashes, code, environment, gate."""
    libraries = " ".join(f"{name} {version_of(name)}" for name in _LIBRARIES)
    return {
        SHA256: sha256,
        NO_SKILL: str(fitted.judgement.ours.no_skill).lower(),
        "gate": json.dumps([check.as_dict() for check in checks]),
        "forestay.version": version_of("forestay"),
        "forestay.code": code_fingerprint(),
        "environment": f"Python {platform.python_version()} {platform.machine()} {libraries}",
    }


def recipe_data(recipe: Recipe) -> dict[str, Any]:
    """Return one model's choices as plain data."""
    return {
        "weights": dict(recipe.weights),
        "trees": recipe.trees,
        "params": dict(recipe.params),
        "train_on": [f"{day}" for day in recipe.train_on],
        "validated_on": list(recipe.validated_on),
        "losses": dict(recipe.losses),
        "base_rate_shifts": dict(recipe.shifts),
        "season_shift": recipe.season,
        "shift_believed": recipe.belief,
        "tuned": None if recipe.tuned is None else asdict(recipe.tuned),
    }


@cache
def code_fingerprint() -> str:
    """Name the code that made a run: with it, the rows and the seed it can be made again."""
    root = Path(__file__).parents[1]
    files = sorted(path for folder in _CODE for path in (root / folder).rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()
