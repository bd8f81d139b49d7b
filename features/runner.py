"""Who runs a query over the customer buckets: threads of this process; a cluster later.

All that is computed is per customer, so accepted data in buckets by customer are independent small
jobs. This is the only place that knows it: `collect` takes SQL and gives Arrow. Results do not
depend on how many threads there are, nor on which of them is first.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from features.accepted import Accepted, read_bucket
from features.progress import SILENT, Progress

#: Above this a job writes to disk instead of growing.
JOB_MEMORY = "2GiB"
#: More threads than this only wait for memory.
_MOST_THREADS = 16

Columns = Sequence[str] | Mapping[str, Sequence[str]]


def collect(
    accepted: Accepted,
    query: str,
    tables: Columns,
    *,
    buckets: Sequence[int] | None = None,
    progress: Progress = SILENT,
) -> Iterator[tuple[int, pa.Table]]:
    """Run one query over every customer bucket, so that memory does not grow with customers.

    Parameters
    ----------
    accepted : the accepted data.
    query : DuckDB SQL over tables named like the contract's; times in them are naive UTC.
    tables : names of the tables to read; a mapping names the columns of each.
    buckets : those to run, in this order; all where not given.

    Yields
    ------
    (bucket, result) in the order of `buckets`.
    """
    for bucket, (result,) in collect_all(
        accepted, [query], tables, buckets=buckets, progress=progress
    ):
        yield bucket, result


def collect_all(
    accepted: Accepted,
    queries: Sequence[str],
    tables: Columns,
    *,
    buckets: Sequence[int] | None = None,
    progress: Progress = SILENT,
) -> Iterator[tuple[int, list[pa.Table]]]:
    """Run several queries over every bucket, which is read once for all of them."""
    wanted = list(range(accepted.buckets) if buckets is None else buckets)
    threads = max(1, min(len(wanted) * len(queries), os.cpu_count() or 1, _MOST_THREADS))
    ahead = -(-threads // max(1, len(queries)))
    waiting: deque[_Job] = deque()
    with (
        progress.step("Computing per customer", total=len(wanted)) as step,
        ThreadPoolExecutor(threads) as pool,
    ):
        try:
            for bucket in wanted:
                # No more buckets are in memory than threads can work on, and one to go on with.
                if len(waiting) > ahead:
                    yield _finished(waiting)
                    step.advance()
                waiting.append(_started(pool, accepted, queries, tables, bucket))
            while waiting:
                yield _finished(waiting)
                step.advance()
        finally:
            for job in waiting:
                for answer in job.answers:
                    answer.cancel()


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One bucket under way: its rows in a database of their own, and an answer per query."""

    bucket: int
    rows: "Future[duckdb.DuckDBPyConnection]"
    answers: "list[Future[pa.Table]]"


def _started(
    pool: ThreadPoolExecutor,
    accepted: Accepted,
    queries: Sequence[str],
    tables: Columns,
    bucket: int,
) -> _Job:
    # Handed to the pool before the queries that wait for it, so it never waits for them.
    rows = pool.submit(_loaded, accepted, tables, bucket)
    answers = [pool.submit(_answer, query, rows) for query in queries]
    return _Job(bucket=bucket, rows=rows, answers=answers)


def _finished(waiting: deque[_Job]) -> tuple[int, list[pa.Table]]:
    job = waiting.popleft()
    results = [answer.result() for answer in job.answers]
    job.rows.result().close()
    return job.bucket, results


def _loaded(accepted: Accepted, tables: Columns, bucket: int) -> duckdb.DuckDBPyConnection:
    """Load a bucket for all its queries: scanning Arrow again for each costs a fifth more."""
    columns = tables if isinstance(tables, Mapping) else dict.fromkeys(tables)
    connection = duckdb.connect(config=_config())
    connection.execute("SET TimeZone = 'UTC'")
    for name in tables:
        connection.register("arriving", read_bucket(accepted, name, bucket, columns=columns[name]))
        connection.execute(f"CREATE TABLE {name} AS FROM arriving")
        connection.unregister("arriving")
    return connection


def _answer(query: str, rows: "Future[duckdb.DuckDBPyConnection]") -> pa.Table:
    with rows.result().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query).to_arrow_table()


def _config() -> dict[str, str]:
    spill = Path(tempfile.gettempdir()) / f"forestay-{os.getpid()}"
    return {
        "threads": "1",  # one thread a job: sums of floats cannot depend on who is first
        "memory_limit": JOB_MEMORY,
        "temp_directory": str(spill),
        "preserve_insertion_order": "true",
    }
