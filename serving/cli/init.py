"""`forestay init`: look at files and propose a workspace."""

from pathlib import Path

import click

from serving.cli.command import Answer, Here, as_command


@as_command(
    "init",
    examples=[
        "forestay init sales.csv",
        "forestay init data/*.parquet --workspace shop",
    ],
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(here: Here, *, files: tuple[Path, ...]) -> Answer:
    """Look at FILES and propose a forestay.yaml that works, or says what could not be guessed.

    A forestay.yaml that is already there is never overwritten.
    """
    from features.errors import Conflict
    from features.proposal import propose
    from serving.whole import write_text

    path = here.folder / "forestay.yaml"
    if path.exists():
        raise Conflict(
            str(path),
            "it is already there",
            "a folder without one",
            "choose another folder with --workspace, or move the file away",
        )
    proposal = propose(files, folder=here.folder)
    write_text(path, proposal.text)
    data = {"written": str(path), "yaml": proposal.text, "notes": list(proposal.notes)}
    lines = [f"written: {path}", *(f"  {note}" for note in proposal.notes)]
    return Answer(data=data, lines=[*lines, "next: read it, then run `forestay check`"])
