"""`forestay retrain`: train, gate, promote or say why not, and leave one page to read."""

import click

from serving.cli.command import Answer, Here, as_command


@as_command(
    "retrain",
    examples=[
        "forestay retrain",
        "forestay retrain --if-due    for a schedule: does nothing until it is time",
        "FORESTAY_KEY=... forestay retrain --target churn    as the owner of a key",
    ],
)
@click.option(
    "--target", type=click.Choice(["churn", "complaint"]), help="One target; all by default."
)
@click.option(
    "--if-due",
    is_flag=True,
    help="Only where the rhythm of `forestay backtest` (90 days without one) or an alarm asks.",
)
def command(here: Here, *, target: str | None, if_due: bool) -> Answer:
    """Train each target on today's data, compare it with the champion, and let the gate decide.

    A page in reports/ says what happened, why, and what to do next. To run it on a schedule, let
    cron or a systemd timer call `forestay retrain --if-due` after the nightly run.
    """
    from serving.cli.model_words import retrain_lines
    from serving.cli.person import person
    from serving.models.retrain import retrain
    from training.fitted import Author

    workspace = here.workspace()
    who = person(workspace)
    author = Author(name=who.name, by_key=who.by_key)
    names = [target] if target else list(workspace.targets)
    found = [retrain(workspace, one, author, here.progress, if_due=if_due) for one in names]
    lines = [line for one in found for line in [*retrain_lines(one), ""]]
    return Answer(data={one.target: one.as_dict() for one in found}, lines=lines)
