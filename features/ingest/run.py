"""The whole of an ingest, in the order in which it happens.

stage every source -> decide fates -> count and judge -> finish -> compare with what is there ->
write beside it -> replace. Nothing accepted before is touched until everything new is whole.
"""

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from features.erased import erased_people
from features.errors import ForestayError, raise_faults
from features.ingest.aliases import count_matched, resolve_aliases
from features.ingest.content import (
    Content,
    TableContent,
    table_content,
    unknown_customers,
    whole_content,
)
from features.ingest.counts import count_source, over_limit
from features.ingest.extras import find_extras, warnings_of
from features.ingest.fates import StagedTable, decide_fates
from features.ingest.finish import finish
from features.ingest.publish import exclusive, is_current, publish
from features.ingest.quarantine import clear_quarantine, write_quarantine
from features.ingest.refuse_erased import refuse_erased
from features.ingest.report import IngestReport, SourceReport
from features.ingest.stage import Staged, stage
from features.ingest.workbench import Workbench, open_database
from features.progress import SILENT, Progress
from features.received.as_sources import with_received
from features.workspace import Workspace


def ingest(workspace: Workspace, progress: Progress = SILENT) -> IngestReport:
    """Read all sources and make them the workspace's accepted data, or change nothing.

    Raises
    ------
    BadInput : files, mappings or too many faulty rows, all at once; the quarantine is written.
    Unavailable : a database does not answer.
    Conflict : another ingest of this workspace runs.
    """
    with exclusive(workspace.state) as working, open_database(working) as connection:
        run = Run(connection, with_received(workspace), progress)
        run.read()
        run.write_quarantine()
        run.judge(written=True)
        return run.publish(run.finish(), working)


def inspect(workspace: Workspace, progress: Progress = SILENT) -> IngestReport:
    """Read and check everything as `ingest` does, and write nothing.

    Raises
    ------
    BadInput : as for `ingest`.
    Unavailable : a database does not answer.
    """
    with (
        tempfile.TemporaryDirectory(prefix="forestay-") as working,
        open_database(Path(working)) as connection,
    ):
        run = Run(connection, with_received(workspace), progress)
        run.read()
        run.judge(written=False)
        content = run.finish()
        return run.report(content, changed=not is_current(workspace, content))


@dataclass
class Run:
    """One ingest under way: what has been staged, counted and found wrong so far."""

    connection: duckdb.DuckDBPyConnection
    workspace: Workspace
    progress: Progress
    tables: dict[str, StagedTable] = field(default_factory=dict)
    reports: list[SourceReport] = field(default_factory=list)
    staged: list[Staged] = field(default_factory=list)
    faults: list[ForestayError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Stage all sources; one that cannot be read does not keep the others from being read."""
        present = self.workspace.data_until or datetime.now(UTC)
        bench = Workbench(connection=self.connection, workspace=self.workspace, present=present)
        sources = [source for group in self.workspace.sources.values() for source in group]
        with self.progress.step("Reading sources", total=len(sources)) as step:
            for source in sources:
                try:
                    self.staged.append(stage(bench, source))
                except ForestayError as error:
                    self.faults.append(error)
                step.advance()
        if people := erased_people(self.workspace):
            self.staged = refuse_erased(self.connection, people, self.staged)
        for name in self.workspace.sources:
            here = [s for s in self.staged if s.source.table_name == name]
            if here:
                self.tables[name] = decide_fates(self.connection, here)

    def write_quarantine(self) -> None:
        """Write where the faulty rows are, also when they are too many to go on."""
        folder = self.workspace.state / "quarantine"
        for name, table in self.tables.items():
            write_quarantine(self.connection, name, table.sources, folder)
        clear_quarantine(folder, keep=self.workspace.sources)

    def judge(self, *, written: bool) -> None:
        """Count every row, and stop at what is wrong, all of it at once."""
        for table in self.tables.values():
            for staged in table.sources:
                report = count_source(self.connection, table, staged)
                self.reports.append(report)
                limit = self.workspace.quarantine_limit
                fault = over_limit(self.connection, staged, report, limit=limit, written=written)
                self.faults.extend([fault] if fault else [])
        raise_faults(self.faults)

    def finish(self) -> Content:
        """Define the accepted rows of all tables, and what they hold."""
        has_aliases = "aliases" in self.tables
        if has_aliases:
            resolve_aliases(self.connection, self.tables["aliases"])
        contents: dict[str, TableContent] = {}
        for name, table in self.tables.items():
            extras = find_extras(self.connection, table)
            finished = finish(
                self.connection, table, self.workspace, extras, has_aliases=has_aliases
            )
            contents[name] = table_content(self.connection, table, extras, finished)
            self.warnings += warnings_of(table, extras)
        return whole_content(self.connection, self.workspace, contents, self.reports)

    def publish(self, content: Content, working: Path) -> IngestReport:
        """Make the content the workspace's accepted data, unless it is what they are already."""
        changed = not is_current(self.workspace, content)
        if changed:
            newest = {r.label: r.newest for r in self.reports if r.newest}
            publish(self.connection, self.workspace, content, newest, working, self.progress)
        return self.report(content, changed=changed)

    def report(self, content: Content, *, changed: bool) -> IngestReport:
        """Say what was done."""
        matched = (0, 0)
        if "aliases" in self.tables:
            others = [table for name, table in self.tables.items() if name != "aliases"]
            matched = count_matched(self.connection, others)
        finished = [table.finished for table in content.tables.values()]
        return IngestReport(
            sources=tuple(self.reports),
            alias_matched=matched[0],
            alias_unmatched=matched[1],
            unknown_customers=unknown_customers(self.connection, finished),
            data_until=content.data_until,
            first_event_at=content.first_event_at,
            fingerprint=content.fingerprint,
            changed=changed,
            warnings=tuple(self.warnings),
        )
