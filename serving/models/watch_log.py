"""What a night watched, as a run of MLflow: metrics by night, alarms as tags."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from features.workspace import Workspace
from serving.earlier_lists import EarlierList


def log_watch(workspace: Workspace, made: EarlierList) -> None:
    """Log a list's figures to the experiment `<workspace>-watch`, one run a night.

    Drift, stability and performance of each model, and how many alarms there are, by the names that
    the summary gives them. The list is out before, so a store that is away keeps none back.
    """
    from training.night_runs import log_night

    alarms = made.summary["watch"]["alarms"]
    log_night(
        workspace,
        f"{made.as_of}",
        {name: value for name, value in _figures(made.summary) if isfinite(value)},
        {
            "forestay.fingerprint": made.fingerprint,
            "alarms": json.dumps([f"{one['code']} {one['subject']}" for one in alarms]),
        },
    )


def _figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    watched = summary["watch"]
    yield "alarms", float(len(watched["alarms"]))
    yield "listed", float(summary["counts"]["listed"])
    for target, found in summary["drift"].items():
        for name, value in found.items():
            yield f"{target}_psi_{name}", value
    for target, found in watched["stability"].items():
        if found:
            yield f"{target}_rank_correlation", _number(found["rank_correlation"])
            yield f"{target}_top_decile_kept", found["top_decile_kept"]
    for target, found in watched["performance"].items():
        if found:
            yield f"{target}_observed_over_predicted", _number(found["ratio"]["value"])
            yield f"{target}_roc_auc_untouched", _number(found["roc_auc"]["value"])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
