"""Accepted data are verified on every read: what was changed since is never taken for data."""

import json

import pyarrow as pa
import pytest

from features.accepted import MANIFEST, open_accepted, read_bucket
from features.errors import BrokenRecord, NotReady
from features.ingest import write
from tests.small_market import ORDERS, SmallMarket, orders_csv


@pytest.fixture
def market(tmp_path, monkeypatch) -> SmallMarket:
    """Twenty customers' orders in four buckets."""
    monkeypatch.setattr(write, "ROWS_PER_BUCKET", 10)
    market = SmallMarket(tmp_path)
    lines = [f"c{i % 20},2020-01-{1 + i % 28:02d},{i}" for i in range(40)]
    market.map("orders", market.write_csv("a.csv", orders_csv(*lines)), ORDERS)
    market.ingest()
    return market


def test_every_customer_is_in_one_bucket(market):
    """Buckets split customers, not rows, so each is a job of its own."""
    accepted = open_accepted(market.workspace)
    found = [set(read_bucket(accepted, "orders", b)["customer_id"].to_pylist()) for b in range(4)]
    assert accepted.buckets == 4
    assert sum(len(ids) for ids in found) == len(set.union(*found)) == 20


def test_times_are_read_as_naive_utc_and_own_hashes_stay_inside(market):
    """Engines agree on times without zone; what is stored for fingerprints is no column."""
    rows = read_bucket(open_accepted(market.workspace), "orders", 0)
    assert rows.schema.field("ordered_at").type == pa.timestamp("us")
    assert "content_hash" not in rows.column_names


def test_columns_come_in_the_order_asked_for(market):
    """Only those, also when one is asked for twice in another place of the file."""
    rows = read_bucket(open_accepted(market.workspace), "orders", 0, ["amount", "customer_id"])
    assert rows.column_names == ["amount", "customer_id"]


def test_buckets_change_nothing_of_the_content(market, monkeypatch):
    """The fingerprint is the same however the rows are spread."""
    before = open_accepted(market.workspace).fingerprint
    monkeypatch.setattr(write, "ROWS_PER_BUCKET", 1000)
    (market.workspace.state / MANIFEST).unlink()
    market.ingest()
    accepted = open_accepted(market.workspace)
    assert (accepted.buckets, accepted.fingerprint) == (1, before)


def test_without_an_ingest_nothing_is_ready(tmp_path):
    """The message says which command to run."""
    with pytest.raises(NotReady, match="forestay ingest"):
        open_accepted(SmallMarket(tmp_path).workspace)


@pytest.mark.parametrize("bucket", range(4))
def test_any_flipped_bit_is_found(market, bucket):
    """Every 97th bit of a file, one at a time: no row is ever read from it."""
    accepted = open_accepted(market.workspace)
    path = accepted.folder / accepted.tables["orders"].files[bucket].name
    whole = path.read_bytes()
    right = read_bucket(accepted, "orders", bucket)
    silent = 0
    for position in range(0, len(whole) * 8, 97):
        changed = bytearray(whole)
        changed[position // 8] ^= 1 << (position % 8)
        path.write_bytes(bytes(changed))
        try:
            silent += not read_bucket(accepted, "orders", bucket).equals(right)
        except BrokenRecord as error:
            assert f"bucket={bucket:03d}.parquet" in error.where  # noqa: PT017 - some flips hit nothing
    assert silent == 0


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_a_cut_off_file_is_found(market, cut):
    """By its size, before anything is read."""
    accepted = open_accepted(market.workspace)
    path = accepted.folder / accepted.tables["orders"].files[0].name
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(BrokenRecord, match="another size"):
        read_bucket(accepted, "orders", 0)


def test_a_missing_file_is_found(market):
    """The file is named."""
    accepted = open_accepted(market.workspace)
    (accepted.folder / accepted.tables["orders"].files[2].name).unlink()
    with pytest.raises(BrokenRecord, match=r"orders/bucket=002.parquet: the file is missing"):
        read_bucket(accepted, "orders", 2)


def test_an_exchanged_file_is_found(market):
    """A whole and readable file of another bucket is still the wrong one."""
    accepted = open_accepted(market.workspace)
    names = [file.name for file in accepted.tables["orders"].files]
    (accepted.folder / names[0]).write_bytes((accepted.folder / names[1]).read_bytes())
    with pytest.raises(BrokenRecord):
        read_bucket(accepted, "orders", 0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text[:-10], id="cut-off"),
        pytest.param(lambda text: text.replace('"rows": ', '"rows": 1', 1), id="number-changed"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "[]", id="other-content"),
        pytest.param(lambda _: json.dumps({"format": 1}), id="nothing-inside"),
    ],
)
def test_a_changed_record_of_what_was_accepted_is_found(market, change):
    """The record is sealed by a hash of its own."""
    manifest = market.workspace.state / MANIFEST
    manifest.write_text(change(manifest.read_text()))
    with pytest.raises(BrokenRecord, match=MANIFEST):
        open_accepted(market.workspace)


def test_a_new_ingest_heals_what_was_broken(market):
    """The remedy of the message works."""
    (market.workspace.state / MANIFEST).write_text("")
    market.ingest()
    assert len(market.accepted("orders")) == 40
