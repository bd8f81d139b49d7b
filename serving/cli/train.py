"""`forestay train`: a tested, registered and, if it passes the gate, promoted model per target."""

import click

from serving.cli.command import Answer, Here, as_command
from serving.cli.words import train_lines


@as_command(
    "train",
    examples=[
        "forestay train",
        "forestay train --target churn --tune 10    search 10 minutes for better parameters",
        "forestay train --json",
    ],
)
@click.option(
    "--target", type=click.Choice(["churn", "complaint"]), help="One target; all by default."
)
@click.option(
    "--tune",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="Search so long for better LightGBM parameters, for each target.",
)
def command(here: Here, *, target: str | None, tune: float | None) -> Answer:
    """Train, test out of time and register a model for each target.

    A model that passes the gate is promoted and serves from the next night on; one without skill
    never is. Runs, plots and model cards are in MLflow.
    """
    from serving.cli.person import person
    from training.experiment import train
    from training.fitted import Author

    workspace = here.workspace()
    who = person(workspace)
    author = Author(name=who.name, by_key=who.by_key)
    names = [target] if target else list(workspace.targets)
    minutes = tune or 0.0
    reports = {
        name: train(workspace, name, here.progress, tune_minutes=minutes, author=author)
        for name in names
    }
    data = {name: report.as_dict() for name, report in reports.items()}
    return Answer(data=data, lines=[line for r in reports.values() for line in train_lines(r)])
