"""Whether a model is due for retraining: by the rhythm that the backtest found, or by an alarm.

Nothing is due while no newer labels are complete: the same rows would make the same model.
"""

import json
from datetime import timedelta
from pathlib import Path

from features.accepted import open_accepted
from features.workspace import Workspace
from serving.earlier_lists import list_dates, open_list
from serving.models.watch_words import LEVEL_OFF, SKILL_FADED

#: Where no backtest has found another.
USUAL_DAYS = 90
#: Labels newer by less would make the same model.
NEWER_DAYS = 7


def backtest_file(workspace: Workspace, target: str) -> Path:
    """Return the file of a target's newest backtest."""
    return workspace.state / "models" / f"backtest-{target}.json"


def rhythm_days(workspace: Workspace, target: str) -> int:
    """Return how often to train, as the newest backtest found it."""
    path = backtest_file(workspace, target)
    found = json.loads(path.read_text("utf-8"))["rhythm_days"] if path.is_file() else None
    return int(found or USUAL_DAYS)


def due(workspace: Workspace, target: str) -> str | None:
    """Say why a target is due for training; None where it is not."""
    from training.registry import load_champion
    from training.splits.present import newest_closed, nightly_as_of

    champion = load_champion(workspace, target)
    if champion is None:
        return "no model serves"
    accepted = open_accepted(workspace)
    night = workspace.midnight(nightly_as_of(workspace, accepted))
    newest = newest_closed(workspace, workspace.targets[target], night)
    learnt = max(champion.model.trained_on)
    if f"{newest - timedelta(days=NEWER_DAYS)}" < learnt:
        return None
    for alarm in _alarms(workspace):
        if alarm in {(LEVEL_OFF, target), (SKILL_FADED, target)}:
            return f"the newest list warns of it ({alarm[0]})"
    every = rhythm_days(workspace, target)
    behind = newest - timedelta(days=every)
    if f"{behind}" >= learnt:
        return f"it learnt from labels up to {learnt}; newer ones are complete up to {newest}"
    return None


def _alarms(workspace: Workspace) -> list[tuple[str, str]]:
    days = list_dates(workspace.lists)
    newest = open_list(workspace.lists, days[-1]) if days else None
    watched = newest.summary.get("watch", {}) if newest else {}
    return [(one["code"], one["subject"]) for one in watched.get("alarms", [])]
