"""Complete lists written by hand, for tests of what later nights read of them."""

import json
from datetime import UTC, datetime, time, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from serving.risk_list import SCHEMA


def write_list(lists, day, *rows):
    """Write a list of one date; a row says what is not a call by care, due the next day."""
    midnight = datetime.combine(day, time(), UTC)
    usual = {
        "decision": "contact", "action": "call", "channel": "phone", "owner": "care",
        "due_by": midnight + timedelta(days=1), "as_of": day,
    }  # fmt: skip
    folder = lists / f"{day}"
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist([usual | row for row in rows], schema=SCHEMA)
    pq.write_table(table, folder / "risk_list.parquet", write_page_checksum=True)
    summary = {"fingerprint": "by hand", "counts": {"listed": len(rows)}}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder
