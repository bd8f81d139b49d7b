"""`forestay nightly`: from accepted data and models to the list."""

from datetime import date

import click

from serving.cli.command import DAY, Answer, Here, as_command
from serving.cli.words import list_lines


@as_command(
    "nightly",
    examples=[
        "forestay nightly",
        "forestay nightly --as-of 2011-12-10",
        "forestay nightly --supersede        after better data or a new model",
    ],
)
@click.option("--as-of", type=DAY, metavar="DATE", help="Date of the list; the newest by default.")
@click.option("--supersede", is_flag=True, help="Replace a finished list; the old one is kept.")
@click.option("--allow-stale", is_flag=True, help="Go on with old sources, and mark the list.")
@click.option("--allow-small", is_flag=True, help="Publish a list far shorter than the last one.")
def command(
    here: Here, *, as_of: date | None, supersede: bool, allow_stale: bool, allow_small: bool
) -> Answer:
    """Score every active customer, decide, and write the list.

    The list of a date is written once: the same data and models give "already done", others are
    refused unless --supersede. A night that was stopped goes on where it was.
    """
    from serving.nightly import NightlyChoices, nightly

    choices = NightlyChoices(supersede=supersede, allow_stale=allow_stale, allow_small=allow_small)
    report = nightly(here.workspace(), as_of, choices=choices, progress=here.progress)
    return Answer(data=report.as_dict(), lines=list_lines(report))
