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

    The policy that ships with Forestay is put beside it, to be made your own. A file that is there
    already is never overwritten.
    """
    from features.errors import Conflict
    from features.proposal import propose
    from features.whole import write_text
    from proactive_rules.policy.file import FILE, shipped_policy

    path, policy = here.folder / "forestay.yaml", here.folder / FILE
    if path.exists():
        raise Conflict(
            str(path),
            "it is already there",
            "a folder without one",
            "choose another folder with --workspace, or move the file away",
        )
    proposal = propose(files, folder=here.folder)
    write_text(path, proposal.text)
    if not policy.exists():
        write_text(policy, shipped_policy().decode())
    data = {
        "written": str(path),
        "yaml": proposal.text,
        "notes": list(proposal.notes),
        "policy": str(policy),
    }
    lines = [f"written: {path}", *(f"  {note}" for note in proposal.notes)]
    lines.append(f"written: {policy}: what may be done for whom; make it your own")
    return Answer(data=data, lines=[*lines, "next: read it, then run `forestay check`"])
