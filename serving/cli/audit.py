"""`forestay audit`: look at any decision, prove it untouched, make it again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.cli.command import Answer, Here, as_command

if TYPE_CHECKING:
    from serving.audit.replay import Replayed
    from serving.audit.shown import Shown
    from serving.ledger import Verification

_LANGUAGE = click.option(
    "--language", type=click.Choice(["en", "zh"]), help="The workspace's by default."
)


@click.group("audit")
def command() -> None:
    """Look at any decision, prove it untouched, make it again."""


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

    The id is that of the list (`decision_id`). Looking is itself put on record.
    """
    from serving.audit.shown import show_decision, write_proof

    workspace = here.workspace()
    found = show_decision(workspace, decision_id, language or workspace.language)
    lines = _shown_lines(found)
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
    return Answer(data=found.as_dict(), lines=_verified_lines(found))


@as_command(
    "replay",
    examples=[
        "forestay audit replay 7a0c1f9e-52a5-5d0e-8f57-0f6f0a2f7c11",
        "forestay audit replay 2011-12-10",
    ],
)
@click.argument("what", nargs=-1, required=True, metavar="ID...|DATE")
def replay(here: Here, *, what: Sequence[str]) -> Answer:
    """Make decisions again from their records; a date makes all of that night again.

    Tells that score, SHAP values, reasons and decision are the same to the last bit, or exactly
    what differs.
    """
    from serving.audit.replay import replayed

    found = replayed(here.workspace(), what, here.progress)
    return Answer(data=found.as_dict(), lines=_replayed_lines(found))


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


for _one in (show, verify, replay, rotate):
    command.add_command(_one)


def _shown_lines(found: "Shown") -> list[str]:
    """Lay a decision out for people: what, why, the sum, the rules, and what was not done."""
    lines = [
        f"decision {found.decision_id} about {found.customer_id}, as of {found.as_of}",
        f"  recorded {found.recorded_at:%Y-%m-%d %H:%M:%S} UTC by {found.recorded_by}",
        f"  entry {found.place.seq}, record {found.place.index} of the ledger",
        f"  {found.why.sentence}",
        *(f"  because: {reason}" for reason in found.reasons),
    ]
    for one in found.sums:
        sure = "" if one.low is None else f" [{one.low:.1%}, {one.high:.1%}]"
        lines += [
            "",
            f"{one.target} risk {one.risk:.1%}{sure}, {one.band}",
            f"  model {one.version} ({one.sha256[:12]})",
            f"  margin {one.margin:+.4f} = base {one.base:+.4f} and these contributions:",
        ]
        for name, value in list(one.contributions.items())[:8]:
            lines.append(f"  {value:+.4f}  {name} = {_said(found.features.get(name))}")
        rest = list(one.contributions.values())[8:]
        lines.append(f"  {sum(rest):+.4f}  {len(rest)} other features")
    lines.append("")
    for other in found.why.alternatives:
        name = f"{other.action} by {other.channel}"
        said = "done" if other.taken else f"{other.reason} -> {other.differ}"
        lines.append(f"  {name:32} {said}")
    lines.append("")
    return lines + [f"  [{'x' if rule.holds else ' '}] {rule.words}" for rule in found.why.rules]


def _said(value: object) -> str:
    if value is None:
        return "not known"
    return f"{value:,.10g}" if isinstance(value, float) else str(value)


def _verified_lines(found: "Verification") -> list[str]:
    lines = [f"{found.entries:,} entries and {found.records:,} records verified: untouched"]
    lines += [f"  proven      {one}" for one in found.proven]
    return lines + [f"  not proven  {one}" for one in found.not_proven]


def _replayed_lines(found: "Replayed") -> list[str]:
    lines = [f"{found.same:,} of {found.asked:,} decisions made again, the same to the last bit"]
    if found.at_margin:
        lines.append(f"  {found.at_margin:,} of them were decided by what was left of the limits")
    for one in found.differences:
        apart = "" if one.apart is None else f", {one.apart:.3g} apart"
        lines.append(
            f"  {one.field} differs in {one.records:,}: recorded {one.recorded!r}, now"
            f" {one.now!r}{apart} (decision {one.decision_id})"
        )
    for gone in found.missing:
        on = f" on {gone.on}" if gone.on else ""
        lines.append(f"  {gone.decision_id or 'a record'}: {gone.why}{on}")
    for name, (then, now) in found.environment.items():
        lines.append(f"  environment: {name} was {then or 'not there'}, is {now}")
    return lines + [f"  note: {note}" for note in found.notes]
