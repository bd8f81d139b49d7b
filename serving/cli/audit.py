"""`forestay audit`: look at any decision, prove it untouched, make it again, erase a person."""

from collections.abc import Sequence
from pathlib import Path

import click

from serving.cli.audit_words import (
    answered_lines,
    erased_lines,
    replayed_lines,
    shown_lines,
    verified_lines,
)
from serving.cli.command import Answer, Here, as_command

_LANGUAGE = click.option(
    "--language", type=click.Choice(["en", "zh"]), help="The workspace's by default."
)


@click.group("audit")
def command() -> None:
    """Look at any decision, prove it untouched, make it again, erase a person."""


@as_command(
    "show",
    examples=[
        "forestay audit show 7a0c1f9e-52a5-5d0e-8f57-0f6f0a2f7c11",
        "forestay audit show 7a0c1f9e-52a5-5d0e-8f57-0f6f0a2f7c11 --proof proof.json",
    ],
)
@click.argument("decision_id")
@click.option(
    "--proof",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what proves this record without showing the others.",
)
@_LANGUAGE
def show(here: Here, *, decision_id: str, proof: Path | None, language: str | None) -> Answer:
    """Show a decision from its record: what was known, the risks and why, and every rule.

    The id is that of the list (`decision_id`), or of an answer of the service (`record_id`). That
    it was looked at is itself put on record.
    """
    from serving.audit.shown import show_decision, write_proof
    from serving.online.score_records import show_answer

    workspace = here.workspace()
    answer = show_answer(workspace, decision_id)
    if answer is not None:
        return Answer(data=answer, lines=answered_lines(answer))
    found = show_decision(workspace, decision_id, language or workspace.language)
    lines = shown_lines(found)
    if proof:
        write_proof(workspace, decision_id, proof)
        lines.append(f"proof written: {proof}; check it with docs/ledger/verify_ledger.py")
    return Answer(data=found.as_dict(), lines=lines)


@as_command("verify", examples=["forestay audit verify", "forestay audit verify --heads /mnt/worm"])
@click.option(
    "--heads",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of copied heads; the one of the settings by default.",
)
def verify(here: Here, *, heads: Path | None) -> Answer:
    """Find any edit, removal, insertion, reordering, cut tail or rewriting of the ledger.

    Tells the first bad record, what could be proven, and what not.
    """
    from serving.audit.verifying import verified

    found = verified(here.workspace(), heads, here.progress)
    return Answer(data=found.as_dict(), lines=verified_lines(found))


@as_command(
    "replay",
    examples=[
        "forestay audit replay 7a0c1f9e-52a5-5d0e-8f57-0f6f0a2f7c11",
        "forestay audit replay 2011-12-10",
        "forestay audit replay latest",
    ],
)
@click.argument("what", nargs=-1, required=True, metavar="ID...|DATE|latest")
def replay(here: Here, *, what: Sequence[str]) -> Answer:
    """Make decisions again from their records; a date makes all of that night again.

    Tells that score, SHAP values, reasons and decision are the same to the last bit, or exactly
    what differs.
    """
    from serving.audit.replay import replayed

    found = replayed(here.workspace(), what, here.progress)
    return Answer(data=found.as_dict(), lines=replayed_lines(found))


@as_command(
    "report",
    examples=[
        "forestay audit report decision 7a0c1f9e-52a5-5d0e-8f57-0f6f0a2f7c11",
        "forestay audit report model churn 3",
        "forestay audit report customer 12346",
        "forestay audit report period 2011-12-01 2011-12-31",
    ],
)
@click.argument("kind", type=click.Choice(["decision", "model", "customer", "period"]))
@click.argument("what", nargs=-1, required=True)
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the page; reports/ in the workspace by default.",
)
@_LANGUAGE
def report(
    here: Here, *, kind: str, what: Sequence[str], path: Path | None, language: str | None
) -> Answer:
    """Write one page that opens anywhere: of a decision, a model, a customer or a period.

    decision ID; model TARGET VERSION; customer ID; period FROM TO (both days included).
    """
    from serving.audit.reports.writing import write_page

    workspace = here.workspace()
    page = write_page(workspace, (kind, *what), path, language or workspace.language)
    return Answer(data={"page": str(page)}, lines=[f"look at {page}"])


@as_command("erase", examples=["forestay audit erase 12346 --yes"])
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Really erase: it cannot be undone.")
def erase(here: Here, *, customer: str, yes: bool) -> Answer:
    """Erase a person: shred the keys of the records, delete the rows, refuse them from now on.

    The ledger still verifies; replaying answers 'erased on DATE'. What remains elsewhere is told.
    """
    from datetime import UTC, datetime

    from features.errors import Conflict
    from serving.erasure import erase as erase_person

    if not yes:
        raise Conflict(
            "forestay audit erase",
            "erasing cannot be undone, and was not confirmed",
            "a decision of somebody who may take it",
            "run it again with --yes",
        )
    found = erase_person(here.workspace(), customer, on=datetime.now(UTC), progress=here.progress)
    return Answer(data=found.as_dict(), lines=erased_lines(found))


@as_command("rotate", examples=["forestay audit rotate"])
def rotate(here: Here) -> Answer:
    """Make new keys: for pseudonyms and customers from now on, and for signing.

    Records made before stay readable by the keys they were made with.
    """
    from serving.audit.rotating import rotate_keys

    data = rotate_keys(here.workspace())
    return Answer(
        data=data,
        lines=[f"new keys: pseudonyms {data['pseudonym_key']}, signing {data['signing_key']}"],
    )


for _one in (show, verify, replay, report, erase, rotate):
    command.add_command(_one)
