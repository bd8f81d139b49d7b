"""`forestay models diff`: two versions compared on the same test dates and on the next list.

Gathers what `training.promotion.versions` and `decisions` find, and leaves it as a page and JSON.
"""

from pathlib import Path
from typing import Any

from features.errors import BadInput
from features.progress import SILENT, Progress
from features.whole import write_json, write_text
from features.workspace import Workspace
from serving.audit.reports.report import render
from serving.models.decisions import decision_difference, night_of
from serving.models.difference_page import difference_report


def difference(
    workspace: Workspace,
    target_name: str,
    versions: tuple[str, str],
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Compare two versions of a target.

    Parameters
    ----------
    versions : what there is, and what might replace it.

    Returns
    -------
    As `training.promotion.versions.versions_compared`, and `decisions` as
    `serving.models.decisions.decision_difference`.

    Raises
    ------
    BadInput : there is no such target. NotReady : there is no such version, or nothing in common.
    """
    from training.promotion.versions import versions_compared
    from training.registry import load_version

    target = workspace.targets.get(target_name)
    if target is None:
        raise BadInput(
            "forestay models diff",
            f"there is no target {target_name}",
            f"one of {', '.join(workspace.targets)}",
            "look at `forestay models list`",
        )
    found = versions_compared(workspace, target, versions, progress)
    one, other = (load_version(workspace, target_name, version) for version in versions)
    decisions = decision_difference(night_of(workspace, progress), (one, other), progress)
    return {"workspace": workspace.name, **found, "decisions": decisions}


def write_difference(workspace: Workspace, found: dict[str, Any]) -> Path:
    """Write the page and the figures below `reports/`; return where the page lies."""
    first, second = (one["version"] for one in found["versions"])
    name = f"models-{found['target']}-{first}-{second}"
    page = workspace.folder / "reports" / f"{name}.html"
    write_json(page.with_suffix(".json"), found)
    write_text(page, render(difference_report(found, workspace.language, workspace.currency)))
    return page
