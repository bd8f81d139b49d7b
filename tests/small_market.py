"""A workspace from a few rows, for tests of ingest: write a file, map it, look at the result."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.accepted import open_accepted, read_bucket
from features.ingest import IngestReport, ingest
from features.workspace import Source, Workspace

ORDERS = {"customer_id": "customer", "ordered_at": "moment", "amount": "amount"}


class SmallMarket:
    """One workspace in a temporary folder; every method says what a user would do."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.workspace = Workspace(folder=folder, name="small", sources={}, targets={}, **settings)

    def write_csv(self, name: str, text: str) -> str:
        """Put a CSV file there, as it is."""
        (self.workspace.folder / name).write_text(text, encoding="utf-8")
        return name

    def write_rows(self, name: str, rows: list[dict]) -> str:
        """Put rows there as CSV, JSON lines or Parquet, by the file's ending."""
        path = self.workspace.folder / name
        if name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist(rows), path)
        elif name.endswith(".csv"):
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return name

    def map(self, name: str, uri: str | tuple[str, ...], columns: dict, /, **more: object) -> None:
        """Map one more source; of the same table, they become a list."""
        group = self.workspace.sources.get(name, ())
        uris = (uri,) if isinstance(uri, str) else uri
        source = Source(table_name=name, index=len(group), uri=uris, columns=columns, **more)
        sources = {**self.workspace.sources, name: (*group, source)}
        self.workspace = replace(self.workspace, sources=sources)

    def ingest(self) -> IngestReport:
        """Run `forestay ingest`."""
        return ingest(self.workspace)

    def accepted(self, table: str) -> list[dict]:
        """All accepted rows of a table, in a fixed order."""
        accepted = open_accepted(self.workspace)
        buckets = [read_bucket(accepted, table, b) for b in range(accepted.buckets)]
        rows = pa.concat_tables(buckets).to_pylist()
        return sorted(rows, key=lambda row: [str(value) for value in row.values()])

    def quarantine(self, table: str) -> list[dict]:
        """All quarantined rows of a table, in the order of their places."""
        path = self.workspace.state / "quarantine" / f"{table}.parquet"
        return pq.read_table(path).to_pylist() if path.exists() else []


def orders_csv(*lines: str) -> str:
    """Text of a CSV of orders with the usual header."""
    return "\n".join(["customer,moment,amount", *lines]) + "\n"
