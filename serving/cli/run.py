"""`forestay run`: the whole way, from files to the list."""

from typing import TYPE_CHECKING, Any

import click

from serving.cli.command import Answer, Here, as_command
from serving.cli.words import ingest_lines, list_lines, train_lines, where_lines

if TYPE_CHECKING:
    from features.progress import Progress
    from features.workspace import Workspace
    from serving.nightly import NightlyChoices


@as_command("run", examples=["forestay run", "forestay run --workspace shop --json"])
@click.option("--supersede", is_flag=True, help="Replace a finished list; the old one is kept.")
@click.option("--allow-stale", is_flag=True, help="Go on with old sources, and mark the list.")
def command(here: Here, *, supersede: bool, allow_stale: bool) -> Answer:
    """Ingest, features, train (promote if the gate passes), nightly, in one go."""
    from serving.nightly import NightlyChoices

    choices = NightlyChoices(supersede=supersede, allow_stale=allow_stale)
    return whole_way(here.workspace(), choices, here.progress)


def whole_way(workspace: "Workspace", choices: "NightlyChoices", progress: "Progress") -> Answer:
    """Go the whole way and say where everything is."""
    from features.accepted import open_accepted
    from features.ingest import ingest
    from features.snapshots import build_snapshots
    from serving.cli.features import planned_dates
    from serving.cli.person import person
    from serving.nightly import nightly
    from training.experiment import train
    from training.fitted import Author

    taken = ingest(workspace, progress)
    accepted = open_accepted(workspace)
    built = build_snapshots(
        workspace, accepted, sorted(planned_dates(workspace, accepted)), progress
    )
    who = person(workspace)
    author = Author(name=who.name, by_key=who.by_key)
    reports = {name: train(workspace, name, progress, author=author) for name in workspace.targets}
    made = nightly(workspace, choices=choices, progress=progress)
    data: dict[str, Any] = {
        "ingest": taken.as_dict(),
        "features": {
            "built": [f"{day}" for day in built.built],
            "rebuilt": [f"{day}" for day in built.stale_rebuilt],
            "unchanged": [f"{day}" for day in built.unchanged],
        },
        "train": {name: report.as_dict() for name, report in reports.items()},
        "nightly": made.as_dict(),
    }
    lines = [*ingest_lines(taken), ""]
    lines += [line for report in reports.values() for line in train_lines(report)]
    lines += ["", *list_lines(made), "", *where_lines(workspace, list(reports.values()))]
    return Answer(data=data, lines=lines)
