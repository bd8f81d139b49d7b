"""`forestay check`: everything that is wrong or missing, at once; nothing is changed."""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.cli.command import Answer, Here, as_command
from serving.cli.words import ingest_lines, problem_lines

if TYPE_CHECKING:
    from features.ingest import SourceReport
    from features.progress import Progress
    from features.workspace import Workspace


@as_command("check", examples=["forestay check", "forestay check --json"])
def command(here: Here) -> Answer:
    """Tell everything that is wrong or missing; change nothing.

    Reads forestay.yaml and every source: the columns and types found, the rows that would be set
    aside and why, whether the history suffices for honest training, whether consent is known.
    """
    from features.ingest import inspect

    workspace = here.workspace()
    report = inspect(workspace, here.progress)
    sufficiency = data_sufficiency(workspace, here.progress, rehearse=report.changed)
    consent = "consents" in workspace.sources
    data = {
        **report.as_dict(),
        "sufficiency": sufficiency,
        "consent_mapped": consent,
        "records": {
            "kept_days": workspace.ledger.keep.days,
            "heads_copied": workspace.ledger.copy_heads_to is not None,
        },
    }
    lines = [line for source in report.sources for line in _types(source)]
    lines += [*ingest_lines(report), *_sufficiency_lines(sufficiency)]
    if not consent:
        lines.append("consent: not checked, since no consents source is mapped")
    lines.append(f"records: kept for {workspace.ledger.keep.days} days (`ledger: keep:`)")
    if workspace.ledger.copy_heads_to is None:
        lines.append(
            "  note: their heads are copied nowhere (`ledger: copy_heads_to:`), so that a cut tail"
            " or a rewriting by whoever holds the signing key could not be seen"
        )
    return Answer(data=data, lines=lines)


def data_sufficiency(
    workspace: "Workspace", progress: "Progress", *, rehearse: bool
) -> dict[str, Any]:
    """Plan each target's evaluation, on data taken in elsewhere where they differ from the last."""
    from features.ingest import ingest

    if not rehearse:
        return _planned(workspace, progress)
    with tempfile.TemporaryDirectory(prefix="forestay-check-") as folder:
        rehearsal = replace(workspace, state_folder=Path(folder))
        ingest(rehearsal, progress)
        return _planned(rehearsal, progress)


def _planned(workspace: "Workspace", progress: "Progress") -> dict[str, Any]:
    from features.accepted import open_accepted
    from training.labels import labels
    from training.splits import plan
    from training.sufficiency import assess

    accepted = open_accepted(workspace)
    found = {}
    for name, target in workspace.targets.items():
        planned = plan(workspace, accepted, target)
        if planned.label_as_of:
            answers = labels(workspace, accepted, target, planned.label_as_of, progress=progress)
            planned = assess(answers, planned)
        found[name] = {
            "test_as_of": [f"{day}" for day in planned.test_as_of],
            "cross_validated": planned.cross_validated,
            "train_as_of": [f"{day}" for day in planned.final_train],
            "problems": [asdict(problem) for problem in planned.problems],
        }
    return found


def _types(source: "SourceReport") -> list[str]:
    types = ", ".join(f"{name} {kind}" for name, kind in source.types.items())
    return [f"{source.label} ({len(source.files)} file(s)): {types}"]


def _sufficiency_lines(found: dict[str, Any]) -> list[str]:
    lines = []
    for name, target in found.items():
        kind = "5-fold cross-validation" if target["cross_validated"] else "tested as of"
        days = ", ".join(target["test_as_of"]) or "no date"
        trained = len(target["train_as_of"])
        lines.append(f"{name}: {kind} {days}; the served model learns from {trained} date(s)")
        lines += problem_lines(target["problems"])
    return lines
