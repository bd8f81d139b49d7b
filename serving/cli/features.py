"""`forestay features`: snapshots of every customer's features, and a training set for notebooks."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.cli.command import DAY, Answer, Here, as_command

if TYPE_CHECKING:
    from features.accepted import Accepted
    from features.progress import Progress
    from features.workspace import Workspace


@as_command(
    "features",
    examples=[
        "forestay features                                    every date that training needs",
        "forestay features --as-of 2011-12-10",
        "forestay features --from 2011-01-01 --to 2011-06-01   the planned dates in between",
        "forestay features --training-set rows.parquet         what the models read",
    ],
)
@click.option("--as-of", type=DAY, metavar="DATE", help="One date.")
@click.option("--from", "first", type=DAY, metavar="DATE", help="First planned date.")
@click.option("--to", "last", type=DAY, metavar="DATE", help="Last planned date.")
@click.option(
    "--training-set",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write features and labels, as the models read them, to a Parquet or CSV file.",
)
@click.option(
    "--target",
    type=click.Choice(["churn", "complaint"]),
    help="Target of the training set; the first one by default.",
)
def command(
    here: Here,
    *,
    as_of: date | None,
    first: date | None,
    last: date | None,
    training_set: Path | None,
    target: str | None,
) -> Answer:
    """Build the features of every customer as of a date.

    Snapshots that would come out the same are left alone; those made stale by rows that arrived
    later are built again, and named.
    """
    if as_of and (first or last):
        raise click.UsageError("--as-of and --from/--to exclude each other")
    if first and last and first > last:
        raise click.UsageError(f"--from {first} lies after --to {last}")
    from features.accepted import open_accepted
    from features.snapshots import build_snapshots, stale_snapshots

    workspace = here.workspace()
    accepted = open_accepted(workspace)
    if as_of:
        days = {as_of}
    else:
        planned = planned_dates(workspace, accepted)
        days = {d for d in planned if (not first or d >= first) and (not last or d <= last)}
        days |= {d for d in stale_snapshots(workspace, accepted) if not first and not last}
    report = build_snapshots(workspace, accepted, sorted(days), here.progress)
    parts = {"built": report.built, "rebuilt": report.stale_rebuilt, "unchanged": report.unchanged}
    data: dict[str, object] = {name: [f"{d}" for d in found] for name, found in parts.items()}
    lines = [f"{name}: {', '.join(f'{d}' for d in found) or '-'}" for name, found in parts.items()]
    if report.stale_rebuilt:
        lines.append("rebuilt snapshots were stale: rows known before their date arrived later")
    if training_set:
        rows = _write_training_set(workspace, target, training_set, here.progress)
        data["training_set"] = {"file": str(training_set), "rows": rows}
        lines.append(f"training set: {rows:,} rows in {training_set}")
    return Answer(data=data, lines=lines)


def planned_dates(workspace: "Workspace", accepted: "Accepted") -> set[date]:
    """Return every date that training, testing and the next night need."""
    from training.splits import nightly_as_of, plan

    planned = {nightly_as_of(workspace, accepted)}
    for target in workspace.targets.values():
        planned.update(plan(workspace, accepted, target).label_as_of)
    return planned


def _write_training_set(
    workspace: "Workspace", name: str | None, path: Path, progress: "Progress"
) -> int:
    from training.dataset import read_training_set, write_training_set

    rows = read_training_set(workspace, name or next(iter(workspace.targets), ""), progress)
    write_training_set(rows, path)
    return int(rows.num_rows)
