"""`forestay demo`: a simulated company, and the whole way on it."""

import click

from serving.cli.command import Answer, Here, as_command
from serving.cli.run import whole_way


@as_command(
    "demo",
    examples=["forestay demo", "forestay demo --customers 20000 --workspace big"],
    default_folder="demo",
)
@click.option(
    "--customers",
    type=click.IntRange(1_000, 200_000),
    default=4_000,
    show_default=True,
    help="How many customers the company has.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another world.")
def command(here: Here, *, customers: int, seed: int) -> Answer:
    """Simulate a rental and services company, then ingest, train and write its risk list.

    The truth (who would have stayed with and without each action) is written apart, in truth/; no
    other command reads it.
    """
    from features.errors import Conflict
    from features.simulated import simulate
    from features.whole import write_json
    from serving.nightly import NightlyChoices

    mark = here.folder / ".forestay" / "simulated.json"
    if (here.folder / "forestay.yaml").exists() and not mark.exists():
        raise Conflict(
            str(here.folder),
            "it holds a workspace that is not the demo's",
            "an empty folder, or an earlier demo",
            "choose another folder with --workspace",
        )
    simulate(here.folder, customers=customers, seed=seed, progress=here.progress)
    write_json(mark, {"customers": customers, "seed": seed})
    return whole_way(here.workspace(), NightlyChoices(supersede=True), here.progress)
