"""`forestay retrain`: train, gate, promote or say why not, and leave a page that says it all.

The page is for a person with two minutes: what happened, why, what it rests on, what to do next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import BrokenRecord, NotReady
from features.progress import SILENT, Progress
from features.whole import write_text
from features.workspace import Workspace
from serving.audit.reports.report import render
from serving.models.difference import difference, write_difference
from serving.models.retrain_page import RetrainPage, retrain_report
from serving.models.rhythm import due

if TYPE_CHECKING:
    from training.fitted import Author
    from training.train_report import TrainReport


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What became of one target.

    Attributes
    ----------
    report : of the training; None where none was due.
    why : why it was due, or why not.
    page : what to read; None without a training.
    difference : as `serving.models.difference.difference`, beside the champion before; None where
        there was none, or both share no test date.
    """

    target: str
    why: str
    report: "TrainReport | None" = None
    page: Path | None = None
    difference: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "target": self.target,
            "why": self.why,
            "trained": self.report is not None,
            "report": None if self.report is None else self.report.as_dict(),
            "page": None if self.page is None else str(self.page),
            "difference": self.difference,
        }


def retrain(
    workspace: Workspace,
    target: str,
    author: "Author",
    progress: Progress = SILENT,
    *,
    if_due: bool = False,
) -> Retrained:
    """Train one target and let the gate decide.

    Parameters
    ----------
    author : who trains, for the records.
    if_due : whether to leave everything as it is unless the rhythm or an alarm asks for it.
    """
    from training.experiment import train
    from training.promotion.history import champion_of

    why = due(workspace, target)
    if if_due and why is None:
        return Retrained(target=target, why="nothing is due")
    before = champion_of(workspace, target)
    report = train(workspace, target, progress, author=author)
    told = why or "asked for"
    compared, not_compared = None, ""
    if before is not None and report.model_version is not None:
        try:
            compared = difference(
                workspace, target, (before.version, report.model_version), progress
            )
            write_difference(workspace, compared)
        except (NotReady, BrokenRecord) as error:
            not_compared = error.problem
    page = RetrainPage(
        workspace=workspace,
        report=report,
        why=told,
        before=None if before is None else before.version,
        difference=compared,
        not_compared=not_compared,
    )
    name = f"retrain-{target}-{report.model_version or 'nothing'}"
    path = workspace.folder / "reports" / f"{name}.html"
    write_text(path, render(retrain_report(page)))
    return Retrained(target=target, why=told, report=report, page=path, difference=compared)
