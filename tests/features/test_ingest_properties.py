"""Whatever the rows are: the counts add up, and their order does not matter."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_market import SmallMarket

COLUMNS = {
    "interaction_id": "n",
    "customer_id": "customer",
    "occurred_at": "moment",
    "known_at": "known",
    "kind": "kind",
    "satisfaction": "rating",
    "resolved_at": "resolved",
}
MOMENTS = st.sampled_from(["2020-01-01", "2020-01-02 10:00:00", "2020-03-29 01:30:00", "", "soon"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.sampled_from(["", "1", "2", "3", "04"]),
            "customer": st.sampled_from(["", " ", "x", "y", "z"]),
            "moment": MOMENTS,
            "known": MOMENTS,
            "kind": st.sampled_from(["complaint", "contact", "skip", ""]),
            "rating": st.sampled_from(["", "0.5", "1", "1.5", "good", "nan"]),
            "resolved": MOMENTS,
        }
    ),
    min_size=1,
    max_size=25,
)


def market_of(folder: Path, rows: list[dict], columns: dict, ending: str) -> SmallMarket:
    """Make a workspace that takes any number of faulty rows, and one sound row."""
    sound = {
        "n": "sound",
        "customer": "s",
        "moment": "2020-01-01",
        "known": "",
        "kind": "contact",
        "rating": "",
        "resolved": "",
    }
    market = SmallMarket(folder, time_zone="Europe/London", quarantine_limit=1.0)
    market.write_rows(f"i.{ending}", [*rows, sound])
    market.map("interactions", f"i.{ending}", columns, where="kind IS NULL OR kind <> 'skip'")
    return market


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, ending=st.sampled_from(["csv", "jsonl", "parquet"]), with_ids=st.booleans())
def test_for_any_rows_the_counts_add_up(rows, ending, with_ids):
    """Read = filtered + accepted + duplicate + superseded + quarantined, checked one by one."""
    columns = COLUMNS if with_ids else {k: v for k, v in COLUMNS.items() if k != "interaction_id"}
    with tempfile.TemporaryDirectory() as folder:
        market = market_of(Path(folder), rows, columns, ending)
        report = market.ingest().sources[0]
        stored, bad = market.accepted("interactions"), market.quarantine("interactions")
    assert report.read == len(rows) + 1
    assert report.filtered == sum(row["kind"] == "skip" for row in rows)
    assert report.accepted == len(stored)
    assert report.quarantined == len(bad) == sum(report.faults.values())
    assert report.adds_up
    assert all(row["customer_id"] and row["known_at"] for row in stored)


@settings(max_examples=8, deadline=None)
@given(data=st.data(), rows=ROWS)
def test_for_any_order_of_rows_with_ids_the_fingerprint_is_the_same(data, rows):
    """Rows with an id of their own may come in any order and in any number of files."""
    named = [row | {"n": f"id{i}"} for i, row in enumerate(rows)]
    shuffled = data.draw(st.permutations(named))
    prints = set()
    for order in (named, shuffled):
        with tempfile.TemporaryDirectory() as folder:
            prints.add(market_of(Path(folder), order, COLUMNS, "csv").ingest().fingerprint)
    assert len(prints) == 1


@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_for_any_rows_one_version_is_visible_at_a_time(rows):
    """Of one case, exactly one version is the newest, and versions do not overlap."""
    named = [row | {"n": row["n"] or "1"} for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        market = market_of(Path(folder), named, COLUMNS, "csv")
        market.ingest()
        stored = market.accepted("interactions")
    for case in {row["interaction_id"] for row in stored}:
        lives = sorted(
            (row["known_at"], row["superseded_at"] or datetime.max)  # noqa: DTZ901 - naive UTC
            for row in stored
            if row["interaction_id"] == case
        )
        ends = [end for _, end in lives]
        starts = [start for start, _ in lives]
        assert ends[:-1] == starts[1:]
        assert ends[-1] == datetime.max  # noqa: DTZ901 - naive UTC


@settings(max_examples=5, deadline=None)
@given(rows=ROWS)
def test_for_any_rows_a_second_run_changes_nothing(rows):
    """Also when the rows are too faulty to be accepted: then nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        market = market_of(Path(folder), rows, COLUMNS, "jsonl")
        first = market.ingest()
        assert not market.ingest().changed
        shutil.rmtree(market.workspace.state)
        assert market.ingest().fingerprint == first.fingerprint
        assert first.data_until <= datetime.now(UTC)
