"""A search for better LightGBM parameters within a time, on earlier origins only.

What is searched is the loss of lines and trees together on later rows. A find is used only where
it beats the parameters at hand beyond noise. The run keeps it: under `models:` in forestay.yaml it
makes the model again to the bit, but has then seen the dates it was found on.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from training.fit import PARAMETERS
from training.members import Stack, Trees

#: A gain below this is nothing one could see.
WORTH = 1e-4
#: Standard errors a find must gain: the best of many is lucky, and customers come more than once.
SURE = 2.0


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What the search found: parameters, trials made, and the loss before and after."""

    params: Mapping[str, float]
    trials: int
    loss_before: float
    loss_after: float


def tune(
    weighed: Callable[[Mapping[str, float]], tuple[Trees, Stack]],
    own: Mapping[str, float],
    at_hand: Stack,
    seconds: float,
) -> Tuned | None:
    """Search for so many seconds; None where no time is given.

    Parameters
    ----------
    weighed : trees and stack that some parameters make on earlier origins.
    own : the user's parameters: they stay as they are.
    at_hand : what the parameters at hand reach.
    seconds : how long; at least one trial is made.

    References
    ----------
    Akiba et al., Optuna (2019); Bergstra et al., Algorithms for hyper-parameter optimization
    (2011).
    """
    if seconds <= 0:
        return None
    import optuna

    optuna.logging.set_verbosity(logging.ERROR)
    before = float(at_hand.losses.mean())
    best: dict[str, Any] = {"losses": at_hand.losses, "params": dict(own)}

    def loss(trial: optuna.Trial) -> float:
        params = _suggested(trial) | dict(own)
        losses = weighed(params)[1].losses
        if losses.mean() < best["losses"].mean():
            best.update(losses=losses, params=params)
        return float(losses.mean())

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=PARAMETERS["seed"]))
    until = time.monotonic() + seconds
    study.optimize(loss, callbacks=[lambda s, _: s.stop() if time.monotonic() > until else None])
    gained = at_hand.losses - best["losses"]
    better = gained.mean() > max(WORTH, SURE * gained.std() / len(gained) ** 0.5)
    return Tuned(
        params=best["params"] if better else dict(own),
        trials=len(study.trials),
        loss_before=before,
        loss_after=float(best["losses"].mean()) if better else before,
    )


def _suggested(trial: Any) -> dict[str, float]:  # noqa: ANN401 - optuna is imported late
    return {
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 10, 300, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.015, 0.1, log=True),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "path_smooth": trial.suggest_float("path_smooth", 0.01, 100.0, log=True),
    }
