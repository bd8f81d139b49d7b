"""All files of a list, from the decisions and the scores on disk, in one pass over the rows.

Rows stream in the order of the list, so memory does not grow with customers; only the page keeps
its first 50,000.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.whole import write_json, write_text
from proactive_rules.decide import Decided
from serving.earlier_lists import SUMMARY, EarlierList
from serving.list_files import SHOWN_ROWS, CsvFile, ExcelFile, ListFile, ParquetFile
from serving.models.watch import watch
from serving.night import Night
from serving.page import PageRows, render
from serving.page_content import page_of
from serving.risk_list import CONTACT_SCHEMA, SCHEMA, compose, contacts, with_reason_target
from serving.scores import scores_of
from serving.steps import changes, drift
from serving.summary import summarise

#: Rows composed at once.
BATCH = 20_000
SORT_MEMORY = "1GiB"


def write_list(
    night: Night,
    decided: Decided,
    before: EarlierList | None,
    folder: Path,
    *,
    supersedes: str | None,
) -> None:
    """Write the risk list in four formats, the contacts by channel, and the summary."""
    page_rows = PageRows(night.workspace.time_zone)
    consent_checked = "consents" in night.accepted.tables
    with ExitStack() as stack:
        files = _files(night, decided.table, folder)
        for file in files.values():
            stack.enter_context(closing(file))
        for rows in _joined(night, decided.table):
            _write_rows(night, rows, files, page_rows)
    extra = {
        "since_last": changes(night, decided.table, before),
        "drift": drift(night),
        "watch": watch(night, decided.table, before),
        "supersedes": supersedes,
        "shown_rows": min(decided.table.num_rows, SHOWN_ROWS),
    }
    summary = summarise(night, decided, extra, consent_checked=consent_checked)
    page = page_of(night, decided.table, summary)
    write_text(folder / "risk_list.html", render(page, page_rows.columns()))
    write_json(folder / SUMMARY, summary)


def _files(night: Night, decided: pa.Table, folder: Path) -> Mapping[str, ListFile]:
    """Open every file of rows; `list` ones take all, others the contacts of one channel."""
    zone = night.workspace.time_zone
    listed, sent = _marked(SCHEMA, night), _marked(CONTACT_SCHEMA, night)
    total = decided.num_rows
    files: dict[str, ListFile] = {
        "list parquet": ParquetFile(folder / "risk_list.parquet", listed),
        "list csv": CsvFile(folder / "risk_list.csv", listed, zone),
        "list xlsx": ExcelFile(
            folder / "risk_list.xlsx", listed, time_zone=zone, total=total, as_of=night.as_of
        ),
    }
    chosen = decided.filter(pc.equal(decided["decision"], "contact"))["channel"]
    for channel in night.policy.channels:
        path = folder / f"contacts_{channel}.csv"
        count = pc.sum(pc.equal(chosen, channel)).as_py() or 0
        files[f"{channel} csv"] = CsvFile(path, sent, zone)
        files[f"{channel} xlsx"] = ExcelFile(
            path.with_suffix(".xlsx"), sent, time_zone=zone, total=count, as_of=night.as_of
        )
    return files


def _write_rows(
    night: Night, rows: pa.Table, files: Mapping[str, ListFile], page_rows: PageRows
) -> None:
    rows = with_reason_target(rows, night.policy)
    page_rows.write(rows)
    listed = compose(rows, night.facts)
    planned = listed.append_column("contact_at", rows["contact_at"])
    sent = {channel: contacts(planned, channel, night.facts) for channel in night.policy.channels}
    for name, file in files.items():
        channel = name.split()[0]
        file.write(_with_mark(listed if channel == "list" else sent[channel], night))


def _joined(night: Night, decided: pa.Table) -> Iterator[pa.Table]:
    """Bring scores and decisions together in the order of the list; sorts on disk if need be."""
    night.work.mkdir(parents=True, exist_ok=True)
    known = set(decided.column_names)
    parts = (part.drop_columns([n for n in part.column_names if n in known - {"customer_id"}])
             for part in scores_of(night))  # fmt: skip
    first = next(parts)
    scores = pa.RecordBatchReader.from_batches(first.schema, _batches(first, parts))
    config = {"threads": "1", "memory_limit": SORT_MEMORY, "temp_directory": str(night.work)}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("decided", decided)
        connection.register("scores", scores)
        reader = connection.execute(
            "SELECT * FROM decided JOIN scores USING (customer_id) ORDER BY rank"
        ).to_arrow_reader(BATCH)
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _batches(first: pa.Table, others: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
    yield from first.to_batches()
    for part in others:
        yield from part.to_batches()


def _marked(schema: pa.Schema, night: Night) -> pa.Schema:
    """Add the column that marks every row of a list made from stale sources."""
    return schema.append(pa.field("stale_sources", pa.string())) if night.stale else schema


def _with_mark(rows: pa.Table, night: Night) -> pa.Table:
    if not night.stale:
        return rows
    mark: Any = pa.scalar(", ".join(source.label for source in night.stale), pa.string())
    return rows.append_column("stale_sources", pa.repeat(mark, rows.num_rows))
