# ruff: noqa: D103 - the words that tests are said in
"""Snapshots on disk: whole, verified, the same bytes for the same data, never stale in silence."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from features import feature_rows
from features.errors import BrokenRecord, NotReady
from features.snapshots import (
    build_snapshots,
    open_snapshot,
    snapshot_folder,
    stale_snapshots,
)
from features.workspace import Workspace
from tests.oracles.accepted_data import write_accepted

FIRST, SECOND = date(2024, 2, 1), date(2024, 3, 1)
DAYS = (FIRST, SECOND)


def order(number, day, **more):
    when = datetime(2024, 1, day, 12, tzinfo=UTC)
    row = {"customer_id": f"c{number % 3}", "ordered_at": when, "order_id": str(number)}
    return row | {"amount": number} | more


ORDERS = [order(number, 1 + number) for number in range(12)]


@pytest.fixture
def market(tmp_path):
    return Workspace(folder=tmp_path / "market", name="x", sources={}, targets={})


def accepted(tmp_path, orders, name="data"):
    return write_accepted(tmp_path / name, {"orders": orders})


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_snapshot_holds_every_customer_sorted_with_the_cutoff_as_both_times(tmp_path, market):
    """Feast filters by `created`: it is the cutoff, never the time of writing."""
    report = build_snapshots(market, accepted(tmp_path, ORDERS), DAYS)
    assert (report.built, report.unchanged, report.stale_rebuilt) == (DAYS, (), ())
    snapshot = open_snapshot(market, FIRST)
    rows = pa.concat_tables(snapshot.read(bucket) for bucket in range(snapshot.buckets))
    assert sorted(rows["customer_id"].to_pylist()) == ["c0", "c1", "c2"]
    assert set(rows["event_timestamp"].to_pylist()) == {market.midnight(FIRST)}
    assert rows["created"] == rows["event_timestamp"]
    for bucket in range(snapshot.buckets):
        people = snapshot.read(bucket, columns=["customer_id"])["customer_id"].to_pylist()
        assert people == sorted(people)
    assert list(snapshot.features) == rows.column_names[3:]


def test_the_same_data_are_not_written_again(tmp_path, market):
    """A second run changes nothing, not even the time of a file."""
    data = accepted(tmp_path, ORDERS)
    build_snapshots(market, data, DAYS)
    path = open_snapshot(market, FIRST).path(0)
    before = path.stat().st_mtime_ns
    report = build_snapshots(market, data, DAYS)
    assert (report.built, report.unchanged, report.stale_rebuilt) == ((), DAYS, ())
    assert path.stat().st_mtime_ns == before


def test_the_same_data_give_the_same_bytes(tmp_path, market):
    """In another folder, with rows in another order, one date at a time."""
    other = replace(market, folder=tmp_path / "other")
    build_snapshots(market, accepted(tmp_path, ORDERS), DAYS)
    shuffled = accepted(tmp_path, ORDERS[::-1], "shuffled")
    for day in DAYS:
        build_snapshots(other, shuffled, [day])
        assert files(snapshot_folder(market, day)) == files(snapshot_folder(other, day))


def test_rows_known_later_make_exactly_the_later_snapshots_stale(tmp_path, market):
    """A row known on 10 February changes the snapshot of March and not that of February."""
    build_snapshots(market, accepted(tmp_path, ORDERS), DAYS)
    late = order(99, 5, known_at=datetime(2024, 2, 10, tzinfo=UTC))
    more = accepted(tmp_path, [*ORDERS, late], "more")
    assert stale_snapshots(market, more) == (SECOND,)
    before = files(snapshot_folder(market, FIRST))
    report = build_snapshots(market, more, DAYS)
    assert (report.unchanged, report.stale_rebuilt) == ((FIRST,), (SECOND,))
    assert files(snapshot_folder(market, FIRST)) == before
    assert stale_snapshots(market, more) == ()


def test_a_superseded_version_of_a_contract_counts_for_staleness(tmp_path, market):
    """Price changes are seen against it, though it is not visible itself."""
    changed = datetime(2024, 1, 20, tzinfo=UTC)
    first = {"customer_id": "a", "contract_id": "1", "starts_at": datetime(2022, 1, 1, tzinfo=UTC)}
    now = first | {"price": 12, "known_at": changed}
    before = first | {"price": 10, "superseded_at": changed}
    build_snapshots(market, write_accepted(tmp_path / "1", {"contracts": [now]}), [FIRST])
    more = write_accepted(tmp_path / "2", {"contracts": [now, before]})
    assert stale_snapshots(market, more) == (FIRST,)


def test_other_features_make_a_snapshot_stale(tmp_path, market):
    """Protecting a column removes its features, so snapshots are made anew."""
    data = accepted(tmp_path, ORDERS)
    build_snapshots(market, data, [FIRST])
    narrower = replace(market, protected=("amount",))
    assert build_snapshots(narrower, data, [FIRST]).stale_rebuilt == (FIRST,)
    assert "amount_total" not in open_snapshot(market, FIRST).features


def test_a_missing_snapshot_says_how_to_make_it(market):
    """The message names the command."""
    with pytest.raises(NotReady, match="forestay features --as-of 2024-02-01"):
        open_snapshot(market, FIRST)


def test_every_flipped_byte_is_found(tmp_path, market):
    """Parquet readers believe flipped bits unless told not to."""
    people = [order(number, 1 + number % 28, customer_id=f"c{number}") for number in range(300)]
    build_snapshots(market, accepted(tmp_path, people), [FIRST])
    snapshot = open_snapshot(market, FIRST)
    whole = snapshot.path(0).read_bytes()
    for place in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        snapshot.path(0).write_bytes(bytes(damaged))
        with pytest.raises(BrokenRecord, match="bucket=000"):
            snapshot.read(0)


def test_a_missing_or_cut_file_is_a_broken_record(tmp_path, market):
    """Not an empty answer."""
    build_snapshots(market, accepted(tmp_path, ORDERS), [FIRST])
    snapshot = open_snapshot(market, FIRST)
    snapshot.path(0).write_bytes(snapshot.path(0).read_bytes()[:50])
    snapshot.path(1).unlink()
    for bucket in (0, 1):
        with pytest.raises(BrokenRecord):
            snapshot.read(bucket)


def test_a_damaged_description_is_made_anew(tmp_path, market):
    """Opening it is an error; building replaces it."""
    data = accepted(tmp_path, ORDERS)
    build_snapshots(market, data, [FIRST])
    (snapshot_folder(market, FIRST) / "snapshot.json").write_text("{", encoding="utf-8")
    with pytest.raises(BrokenRecord, match=r"snapshot\.json"):
        open_snapshot(market, FIRST)
    assert build_snapshots(market, data, [FIRST]).stale_rebuilt == (FIRST,)
    assert open_snapshot(market, FIRST).as_of == FIRST


def test_a_value_out_of_its_range_names_the_feature_and_leaves_no_snapshot(tmp_path, market):
    """A satisfaction of 7 cannot have passed ingest: something below is broken."""
    rows = [
        {"customer_id": "a", "occurred_at": datetime(2024, 1, 1, tzinfo=UTC), "kind": "survey",
         "interaction_id": "1", "satisfaction": 7}
    ]  # fmt: skip
    data = write_accepted(tmp_path / "data", {"interactions": rows})
    with pytest.raises(BrokenRecord, match="feature satisfaction_mean_180d"):
        build_snapshots(market, data, [FIRST])
    assert list((market.state / "snapshots").iterdir()) == []


def test_a_run_that_dies_leaves_the_old_snapshot_whole(tmp_path, market, monkeypatch):
    """Nothing appears before all of it is there."""
    data = accepted(tmp_path, ORDERS)
    build_snapshots(market, data, [FIRST])
    before = files(snapshot_folder(market, FIRST))
    more = accepted(tmp_path, [*ORDERS, order(99, 5)], "more")

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(feature_rows, "_checked", die)
    with pytest.raises(KeyboardInterrupt):
        build_snapshots(market, more, [FIRST])
    assert files(snapshot_folder(market, FIRST)) == before
    assert [path.name for path in (market.state / "snapshots").iterdir()] == ["as_of=2024-02-01"]


def test_as_of_is_midnight_of_the_market(tmp_path, market):
    """An order at 23:30 UTC belongs to the next day in London's summer."""
    when = datetime(2024, 6, 30, 23, 30, tzinfo=UTC)
    row = {"customer_id": "a", "ordered_at": when, "order_id": "1", "amount": 1}
    data = write_accepted(tmp_path / "data", {"orders": [row]})
    london = replace(market, time_zone="Europe/London")
    build_snapshots(london, data, [date(2024, 7, 1)])
    assert sum(open_snapshot(london, date(2024, 7, 1)).rows) == 0
    assert open_snapshot(london, date(2024, 7, 1)).instant == when - timedelta(minutes=30)
