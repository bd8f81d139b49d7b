"""`forestay outcomes`: what the CRM did, and what came of it, become accepted contacts."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.cli.command import Answer, Here, as_command

if TYPE_CHECKING:
    from serving.outcomes import Outcomes

_COUNTS = ("read", "accepted", "duplicate", "superseded", "quarantined")


@as_command(
    "outcomes",
    examples=[
        "forestay outcomes crm_export.csv",
        "forestay outcomes answers.parquet --workspace shop --json",
    ],
)
@click.argument("file", type=click.Path(path_type=Path))
def command(here: Here, *, file: Path) -> Answer:
    """Take results back: what was sent, and how it was answered.

    FILE is CSV, Parquet or JSON lines with the columns customer_id, sent_at, action and channel; if
    known also contact_id, decision_id, arm, outcome, outcome_at and cost. Its rows are accepted at
    once, beside the `contacts` that forestay.yaml maps, if any. A row given again counts once; of
    two rows on one contact_id (or, without it, one decision_id) the later file's counts. The same
    file twice changes nothing.
    """
    from serving.outcomes import take_back

    taken = take_back(here.workspace(), file, here.progress)
    return Answer(data=taken.as_dict(), lines=_lines(taken))


def _lines(taken: "Outcomes") -> list[str]:
    report, rows = taken.report, taken.report.rows
    head = "already taken" if report.status == "already_taken" else "taken"
    counts = ", ".join(f"{getattr(rows, name):,} {name}" for name in _COUNTS)
    lines = [f"{rows.label} {head}: {counts}"]
    lines += [f"  set aside: {fault} ({count:,})" for fault, count in rows.faults.items()]
    if rows.quarantined:
        lines.append(f"  where: .forestay/quarantine/contacts.csv, under {report.kept.name}")
    if report.ignored:
        lines.append(f"  columns not read: {', '.join(report.ignored)}")
    lines.append(f"  carried out a decision of an earlier list: {taken.matched:,}")
    state = "changed" if report.ingest.changed else "unchanged"
    until = f"{report.ingest.data_until:%Y-%m-%d %H:%M} UTC"
    return [*lines, f"data until {until}; accepted data {state}"]
