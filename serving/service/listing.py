"""`GET /lists/{as_of}`: a page of a nightly list, as JSON, CSV or Parquet."""

import io
import json
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.errors import BadInput, NotReady
from features.workspace import Workspace
from serving.earlier_lists import EarlierList, list_dates, open_list
from serving.list_files import BYTE_ORDER_MARK, csv_cells
from serving.service.guard import Call
from serving.service.problems import Refused
from serving.service.routes import BY_NAME, CSV, JSON

_ROUTE = BY_NAME["list"]


class Listing:
    """Reads lists."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def page(self, call: Call) -> Response:
        """Answer with some rows of a list, in its order; of which kind the Accept header says."""
        kind = _wanted(call.request.headers.get("accept", "*/*"))
        offset, limit = (_number(call, name) for name in ("offset", "limit"))
        day = call.request.path_params["as_of"]
        return await run_in_threadpool(self._page, day, offset, limit, kind)

    def _page(self, day: str, offset: int, limit: int, kind: str) -> Response:
        found = _list_of(self._workspace, day)
        file = pq.ParquetFile(found.folder / "risk_list.parquet", page_checksum_verification=True)
        with file:
            total = file.metadata.num_rows
            rows = _slice(file, offset, limit)
        headers = {"x-total-count": str(total), "vary": "accept"}
        if kind == JSON:
            content = {
                "as_of": found.as_of.isoformat(),
                "fingerprint": found.fingerprint,
                "total": total,
                "offset": offset,
                "rows": rows.to_pylist(),
            }
            text = json.dumps(content, ensure_ascii=False, allow_nan=False, default=_iso)
            return Response(text, headers=headers, media_type=JSON)
        written = _csv(rows, self._workspace.time_zone) if kind == CSV else _parquet(rows)
        return Response(written, headers={**headers, "content-type": kind})


def _wanted(accept: str) -> str:
    """Return the first kind that is asked for and there is."""
    for part in accept.split(","):
        asked = part.partition(";")[0].strip().lower()
        for kind in _ROUTE.media:
            plain = kind.partition(";")[0]
            if asked in (plain, "*/*", plain.partition("/")[0] + "/*"):
                return kind
    raise Refused(
        406,
        "Accept",
        "there is nothing of that kind",
        ", ".join(kind.partition(";")[0] for kind in _ROUTE.media),
        "ask for one of these",
    )


def _number(call: Call, name: str) -> int:
    schema = _ROUTE.parameters[name][1]
    given = call.request.query_params.getlist(name)
    text = given[0] if given else str(schema["default"])
    low, high = schema["minimum"], schema.get("maximum", 2**53)
    is_whole = text.isascii() and text.isdigit() and len(text) <= 16  # noqa: PLR2004 - digits of 2**53
    if len(given) > 1 or not is_whole or not low <= int(text) <= high:
        raise BadInput(name, "it is no such number", f"{low} to {high}, once", "correct it")
    return int(text)


def _list_of(workspace: Workspace, day: str) -> EarlierList:
    dates = list_dates(workspace.lists)
    try:
        as_of = dates[-1] if day == "latest" and dates else date.fromisoformat(day)
    except ValueError:
        as_of = None
    found = open_list(workspace.lists, as_of) if as_of else None
    if found is None:
        raise NotReady(
            "lists",
            "there is none of that date",
            "`latest`, or a date such as 2026-03-10 that has a list",
            "look which dates there are, or run `forestay nightly`",
        )
    return found


def _slice(file: pq.ParquetFile, offset: int, limit: int) -> pa.Table:
    """Read only the groups of rows that the page lies in."""
    groups: list[int] = []
    first = start = 0
    for number in range(file.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if start < offset + limit and start + rows > offset:
            first = start if not groups else first
            groups.append(number)
        start += rows
    if not groups:
        return file.schema_arrow.empty_table()
    return file.read_row_groups(groups).slice(offset - first, limit)


def _csv(rows: pa.Table, time_zone: str) -> bytes:
    sink = io.BytesIO()
    sink.write(BYTE_ORDER_MARK)
    pa_csv.write_csv(csv_cells(rows, time_zone), sink)
    return sink.getvalue()


def _parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def _iso(value: Any) -> str:  # noqa: ANN401 - a date or an instant
    return str(value.isoformat())
