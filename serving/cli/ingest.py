"""`forestay ingest`: files and databases become accepted rows; what is wrong is set aside."""

from serving.cli.command import Answer, Here, as_command
from serving.cli.words import ingest_lines


@as_command("ingest", examples=["forestay ingest", "forestay ingest --workspace shop --json"])
def command(here: Here) -> Answer:
    """Read the sources, check every row, keep what is right.

    Rows that cannot be read right are set aside in .forestay/quarantine with file, row, field and
    fault. Too many of them stop the ingest, and what was accepted before stays. Running again on
    the same files changes nothing.
    """
    from features.ingest import ingest

    report = ingest(here.workspace(), here.progress)
    return Answer(data=report.as_dict(), lines=ingest_lines(report))
