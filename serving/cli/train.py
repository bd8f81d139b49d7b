"""`forestay train`: a tested, registered and, if it passes the gate, promoted model per target."""

import click

from serving.cli.command import Answer, Here, as_command
from serving.cli.words import train_lines


@as_command(
    "train",
    examples=["forestay train", "forestay train --target churn", "forestay train --json"],
)
@click.option(
    "--target", type=click.Choice(["churn", "complaint"]), help="One target; all by default."
)
def command(here: Here, *, target: str | None) -> Answer:
    """Train, test out of time and register a model for each target.

    A model that passes the gate is promoted and serves from the next night on; one without skill
    never is. Runs, plots and model cards are in MLflow.
    """
    from training.experiment import train

    workspace = here.workspace()
    names = [target] if target else list(workspace.targets)
    reports = {name: train(workspace, name, here.progress) for name in names}
    data = {name: report.as_dict() for name, report in reports.items()}
    return Answer(data=data, lines=[line for r in reports.values() for line in train_lines(r)])
