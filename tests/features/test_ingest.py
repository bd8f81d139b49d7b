"""The whole of an ingest: what is read is accounted for, and running again changes nothing."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from features.accepted import open_accepted
from features.errors import BadInput, Conflict
from features.ingest import ingest, inspect
from features.ingest.publish import exclusive
from features.workspace import OwnFeature, Source, Workspace
from tests.small_market import ORDERS, SmallMarket, orders_csv


@pytest.fixture
def market(tmp_path) -> SmallMarket:
    """Make an empty workspace that lets half of the rows be faulty."""
    return SmallMarket(tmp_path, quarantine_limit=0.5)


def state_of(market: SmallMarket) -> dict:
    """Every file below the state folder, with its time and content."""
    files = [p for p in market.workspace.state.rglob("*") if p.is_file() and p.suffix != ".lock"]
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def test_every_row_read_is_accounted_for(market):
    """Filtered, accepted, duplicate, superseded and quarantined add up to read."""
    market.write_csv(
        "contracts.csv",
        "id,customer,start,price,kind\n"
        "c1,a,2020-01-01,10,real\n"  # superseded: c1 is given again at the same time
        "c1,a,2020-01-01,12,real\n"
        "c2,b,2020-01-02,10,real\n"
        "c2,b,2020-01-02,10,real\n"  # duplicate
        "c3,b,2020-01-02,ten,real\n"  # quarantined
        "c4,b,2020-01-02,10,test\n",  # filtered
    )
    columns = {"contract_id": "id", "customer_id": "customer", "starts_at": "start"}
    market.map("contracts", "contracts.csv", {**columns, "price": "price"}, where="kind = 'real'")
    (report,) = market.ingest().sources
    counts = (report.filtered, report.accepted, report.duplicate, report.superseded)
    assert (report.read, *counts, report.quarantined) == (6, 1, 2, 1, 1, 1)
    assert report.faults == {"price: not_a_number": 1}


def test_the_later_of_two_rows_with_one_key_wins(market):
    """Of rows that share id and known time, the one further down in the file is accepted."""
    market.write_csv("c.csv", "id,customer,start,price\nc1,a,2020-01-01,10\nc1,a,2020-01-01,12\n")
    columns = {"contract_id": "id", "customer_id": "customer", "starts_at": "start"}
    market.map("contracts", "c.csv", {**columns, "price": "price"})
    market.ingest()
    assert [float(row["price"]) for row in market.accepted("contracts")] == [12.0]


def test_identical_rows_of_one_source_count_once(market):
    """Lines equal in every column are duplicates, also in another file of the source."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "x,2020-01-01,5"))
    market.write_csv("b.csv", orders_csv("x,2020-01-01,5", "x,2020-01-01,6"))
    market.map("orders", "*.csv", ORDERS)
    (report,) = market.ingest().sources
    assert (report.read, report.accepted, report.duplicate) == (4, 2, 2)


def test_rows_that_differ_in_an_unmapped_column_are_both_kept(market):
    """Equal in every column of the file, not only in the mapped ones."""
    market.write_csv(
        "a.csv", "customer,moment,amount,article\nx,2020-01-01,5,hat\nx,2020-01-01,5,bag\n"
    )
    market.map("orders", "a.csv", ORDERS)
    assert market.ingest().sources[0].accepted == 2


def test_identical_rows_with_ids_from_their_position_stay_apart(market):
    """Position ids include the row, so two equal calls are two calls."""
    market.write_csv("calls.csv", "customer,moment\nx,2020-01-01\nx,2020-01-01\n")
    columns = {"customer_id": "customer", "occurred_at": "moment", "kind": "'contact'"}
    market.map("interactions", "calls.csv", columns)
    (report,) = market.ingest().sources
    assert (report.accepted, report.duplicate, report.position_ids) == (2, 0, True)
    ids = [row["interaction_id"] for row in market.accepted("interactions")]
    assert ids == ["calls.csv#1", "calls.csv#2"]


def test_position_is_counted_before_where(market):
    """A filtered row keeps its number, so a change of `where` renames no other row."""
    market.write_csv("calls.csv", "customer,moment\nskip,2020-01-01\nx,2020-01-01\n")
    columns = {"customer_id": "customer", "occurred_at": "moment", "kind": "'contact'"}
    market.map("interactions", "calls.csv", columns, where="customer <> 'skip'")
    market.ingest()
    assert market.accepted("interactions")[0]["interaction_id"] == "calls.csv#2"


def test_two_mappings_of_one_file_make_different_position_ids(market):
    """The same row may be a contact and a complaint; one does not replace the other."""
    market.write_csv("calls.csv", "customer,moment\nx,2020-01-01\n")
    columns = {"customer_id": "customer", "occurred_at": "moment"}
    market.map("interactions", "calls.csv", {**columns, "kind": "'contact'"})
    market.map("interactions", "calls.csv", {**columns, "kind": "'complaint'"})
    market.ingest()
    assert len(market.accepted("interactions")) == 2


def test_running_again_changes_nothing(market):
    """Same input: same fingerprint, no byte and no time of any file differs."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "y,2020-01-02,6", "z,never,7"))
    market.map("orders", "a.csv", ORDERS)
    first = market.ingest()
    before = state_of(market)
    second = market.ingest()
    assert (first.changed, second.changed) == (True, False)
    assert first.fingerprint == second.fingerprint
    assert state_of(market) == before


def test_new_rows_replace_the_accepted_data(market):
    """A changed file gives another fingerprint, and the older folder is gone."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    first = market.ingest()
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "x,2020-01-03,5"))
    second = market.ingest()
    assert first.fingerprint != second.fingerprint
    assert len(market.accepted("orders")) == 2
    assert len(list(market.workspace.state.glob("accepted-*"))) == 1


def test_inspect_says_the_same_and_writes_nothing(market):
    """`forestay check` counts as ingest does and leaves the folder as it is."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "z,never,7"))
    market.map("orders", "a.csv", ORDERS)
    seen = inspect(market.workspace)
    assert not market.workspace.state.exists()
    done = market.ingest()
    assert (seen.sources, seen.fingerprint, seen.changed) == (done.sources, done.fingerprint, True)
    assert not inspect(market.workspace).changed


def test_too_many_faulty_rows_stop_the_ingest_and_keep_what_was_there(tmp_path):
    """Over the limit: counts by fault, a quarantine to look at, and the older data as they were."""
    market = SmallMarket(tmp_path)
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    kept = open_accepted(market.workspace).fingerprint
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "y,2020-01-02,five"))
    with pytest.raises(BadInput, match=r"1 of 2 rows \(50.0%\).*amount: not_a_number \(1\)") as e:
        market.ingest()
    assert "quarantine/orders.csv" in e.value.remedy
    assert "five" not in str(e.value)
    assert market.quarantine("orders")[0]["row"] == 2
    assert open_accepted(market.workspace).fingerprint == kept


def test_faults_up_to_the_limit_let_the_rest_through(tmp_path):
    """One faulty row of twenty is exactly 5% and is only quarantined."""
    market = SmallMarket(tmp_path)
    lines = [f"x,2020-01-{day:02d},5" for day in range(1, 20)]
    market.write_csv("a.csv", orders_csv(*lines, ",2020-01-20,5"))
    market.map("orders", "a.csv", ORDERS)
    assert market.ingest().sources[0].quarantined == 1


def test_quarantine_names_place_and_fault_and_never_a_value(market):
    """Source, file, row, first field, its fault, what else is wrong; nothing of the customer."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "Jane Doe,then,much"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    assert market.quarantine("orders") == [
        {
            "source": "sources.orders[0]",
            "file": "a.csv",
            "row": 2,
            "field": "ordered_at",
            "fault": "not_a_time",
            "also": "amount: not_a_number",
        }
    ]
    text = (market.workspace.state / "quarantine" / "orders.csv").read_text()
    assert "Jane" not in text


def test_a_clean_file_leaves_no_quarantine_behind(market):
    """When the rows are corrected, the older quarantine goes."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "y,never,6"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.ingest()
    assert market.quarantine("orders") == []


def test_a_killed_ingest_leaves_no_harm(market):
    """What a killed run left lying is cleared away by the next."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    litter = market.workspace.state / "ingest-working" / "accepted" / "orders"
    litter.mkdir(parents=True)
    (litter / "bucket=000.parquet").write_bytes(b"half")
    (market.workspace.state / "accepted-0123456789ab").mkdir()
    market.ingest()
    assert len(list(market.workspace.state.glob("accepted-*"))) == 1
    assert not (market.workspace.state / "ingest-working").exists()


def test_two_ingests_at_once_are_refused(market):
    """The second is told to wait; nothing is mixed up."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    with exclusive(market.workspace.state), pytest.raises(Conflict, match="another ingest"):
        market.ingest()


def test_a_damaged_bucket_is_written_anew_by_the_next_ingest(market):
    """Same content, but a file is missing: ingest heals it."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    next(market.workspace.state.glob("accepted-*/orders/*.parquet")).unlink()
    assert market.ingest().changed
    assert len(market.accepted("orders")) == 1


def test_a_page_damaged_inside_is_written_anew_by_the_next_ingest(market):
    """Size and footer are right, a page is not: the remedy of the message heals that too."""
    market.map("orders", market.write_csv("a.csv", orders_csv("x,2020-01-01,5")), ORDERS)
    market.ingest()
    path = next(market.workspace.state.glob("accepted-*/orders/*.parquet"))
    whole = path.read_bytes()
    with pq.ParquetFile(path) as file:
        chunk = file.metadata.row_group(0).column(0)
    inside = chunk.data_page_offset + chunk.total_compressed_size // 2 - 1
    path.write_bytes(whole[:inside] + bytes([whole[inside] ^ 255]) + whole[inside + 1 :])
    assert market.ingest().changed
    assert path.read_bytes() == whole


def test_the_present_is_the_latest_event_unless_it_is_set(market):
    """data_until comes from orders, interactions, contracts and contacts alone."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "x,2020-03-01,5"))
    market.write_csv("k.csv", "customer,moment\nx,2021-01-01\n")
    market.map("orders", "a.csv", ORDERS)
    columns = {"customer_id": "customer", "channel": "'phone'", "granted": "TRUE"}
    market.map("consents", "k.csv", {**columns, "changed_at": "moment"})
    report = market.ingest()
    assert report.data_until == datetime(2020, 3, 1, tzinfo=UTC)
    assert report.first_event_at == datetime(2020, 1, 1, tzinfo=UTC)


def test_events_after_the_present_are_quarantined(tmp_path):
    """With data_until set, what happens later is not known yet."""
    present = datetime(2020, 2, 1, tzinfo=UTC)
    market = SmallMarket(tmp_path, data_until=present, quarantine_limit=0.5)
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "x,2020-02-01,5", "x,2020-02-02,5"))
    market.map("orders", "a.csv", ORDERS)
    report = market.ingest()
    assert report.data_until == present
    assert report.sources[0].faults == {"ordered_at: after_present": 1}


def test_without_a_set_present_the_clock_is_the_limit(market):
    """An event of tomorrow is a fault of the data."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", f"x,{tomorrow},5"))
    market.map("orders", "a.csv", ORDERS)
    assert market.ingest().sources[0].faults == {"ordered_at: after_present": 1}


def test_profiles_alone_take_their_present_from_observed_at(market):
    """Outcomes may lie later: they are what is to be learnt."""
    market.write_csv("p.csv", "id,age,left\na,30,yes\nb,40,no\n")
    market.map(
        "profiles",
        "p.csv",
        {"customer_id": "id", "observed_at": "DATE '2020-01-01'"},
        features="*",
        exclude=("left",),
    )
    columns = {"customer_id": "id", "outcome": "'churn'", "occurred_at": "DATE '2020-01-15'"}
    market.map("outcomes", "p.csv", columns, where="\"left\" = 'yes'")
    report = market.ingest()
    assert report.data_until == datetime(2020, 1, 1, tzinfo=UTC)
    assert [row["customer_id"] for row in market.accepted("outcomes")] == ["a"]


def test_freshness_is_reported_where_it_is_asked_for(market):
    """An old source says so; one without a limit says nothing."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS, fresh_within=timedelta(hours=36))
    market.map("orders", "a.csv", ORDERS)
    old, unasked = market.ingest().sources
    assert (old.fresh, unasked.fresh) == (False, None)
    assert old.newest == datetime(2020, 1, 1, tzinfo=UTC)


def test_customers_absent_from_the_table_of_customers_are_counted(market):
    """They are fine, and said."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", "y,2020-01-01,5"))
    market.write_csv("c.csv", "id\nx\n")
    market.map("orders", "a.csv", ORDERS)
    market.map("customers", "c.csv", {"customer_id": "id"})
    assert market.ingest().unknown_customers == 1


def test_of_two_rows_about_a_customer_the_later_counts(market):
    """Customers have no history: another joining date makes no second version."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.write_csv("c.csv", "id,since,town\nx,2019-01-01,Leeds\nx,2019-05-01,York\n")
    market.map("orders", "a.csv", ORDERS)
    columns = {"customer_id": "id", "joined_at": "since"}
    market.map("customers", "c.csv", columns, attributes=("town",))
    report = market.ingest()
    (row,) = market.accepted("customers")
    assert (row["town"], row["known_at"], row["superseded_at"]) == ("York", None, None)
    assert report.sources[1].superseded == 1


def test_text_that_is_nearly_all_numbers_becomes_a_number(market):
    """Blanks and the odd word are missing, and the report says how many."""
    rows = [{"id": str(i), "charges": str(i)} for i in range(40)]
    rows += [{"id": "40", "charges": " "}, {"id": "41", "charges": "none"}]
    market.write_rows("p.parquet", rows)
    columns = {"customer_id": "id", "observed_at": "DATE '2020-01-01'"}
    market.map("profiles", "p.parquet", columns, features="*")
    report = market.ingest()
    assert "1 blanks and 1 other texts" in report.warnings[0]
    assert open_accepted(market.workspace).tables["profiles"].extra == {"charges": "number"}
    assert sum(row["charges"] is None for row in market.accepted("profiles")) == 2


def test_features_of_other_types_are_left_out_and_named(market):
    """A time is neither number nor text: the report says that it is not used."""
    market.write_rows(
        "p.parquet", [{"id": "a", "age": 3, "born": datetime(2000, 1, 1, tzinfo=UTC)}]
    )
    columns = {"customer_id": "id", "observed_at": "DATE '2020-01-01'"}
    market.map("profiles", "p.parquet", columns, features="*")
    assert "`born` is neither number nor text" in market.ingest().warnings[0]


def test_orders_get_a_local_day_and_an_id_from_customer_and_time(tmp_path):
    """23:30 UTC in July is the next day in London; two lines at once are one order."""
    market = SmallMarket(tmp_path, time_zone="Europe/London")
    market.write_csv("a.csv", orders_csv("x,2020-07-01T23:30:00Z,5", "x,2020-07-01T23:30:00Z,6"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    one, other = market.accepted("orders")
    assert str(one["ordered_on"]) == "2020-07-02"
    assert one["order_id"] == other["order_id"]


def test_own_features_are_computed_on_accepted_rows(tmp_path):
    """A value where the condition holds; a count is one; a run-time failure is no value."""
    features = (
        OwnFeature(name="gifts", table="orders", aggregate="count", where="category LIKE 'GIFT%'"),
        OwnFeature(
            name="big", table="orders", aggregate="sum", column="amount * 2", where="amount > 5"
        ),
        OwnFeature(
            name="parsed", table="orders", aggregate="max", column="CAST(category AS INTEGER)"
        ),
    )
    market = SmallMarket(tmp_path, features=features)
    market.write_csv(
        "a.csv", "customer,moment,amount,kind\nx,2020-01-01,5,GIFT A\nx,2020-01-02,6,12\n"
    )
    market.map("orders", "a.csv", {**ORDERS, "category": "kind"})
    market.ingest()
    values = [
        tuple(
            None if row[n] is None else float(row[n])
            for n in ("own_gifts", "own_big", "own_parsed")
        )
        for row in sorted(market.accepted("orders"), key=lambda row: row["ordered_at"])
    ]
    assert values == [(1.0, None, None), (None, 12.0, 12.0)]


def test_an_own_feature_over_an_unknown_column_is_refused(tmp_path):
    """Own features see the contract's columns, not the file's."""
    feature = OwnFeature(name="odd", table="orders", aggregate="sum", column="Prise")
    market = SmallMarket(tmp_path, features=(feature,))
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    with pytest.raises(BadInput, match=r"features.odd.column: no column `Prise`"):
        market.ingest()


def test_accepted_files_carry_page_checksums_and_utc_microseconds(market):
    """What is on disk is what other programs expect."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5"))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    path = next(market.workspace.state.glob("accepted-*/orders/*.parquet"))
    schema = pq.read_schema(path)
    assert str(schema.field("ordered_at").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("amount").type) == "decimal128(18, 4)"


def test_real_online_retail_adds_up(data_dir, tmp_path):
    """A million real lines: every one accounted for, the overlap of the two files found."""
    columns = {
        "order_id": "Invoice",
        "customer_id": '"Customer ID"',
        "ordered_at": "InvoiceDate",
        "amount": "Quantity * Price",
        "category": "StockCode",
    }
    where = "Quantity > 0 AND Price > 0 AND Invoice NOT LIKE 'C%' AND \"Customer ID\" IS NOT NULL"
    uri = str(data_dir / "online_retail_2" / "*.parquet")
    source = Source(table_name="orders", index=0, uri=(uri,), columns=columns, where=where)
    workspace = Workspace(
        folder=tmp_path,
        name="online",
        sources={"orders": (source,)},
        targets={},
        time_zone="Europe/London",
    )
    (report,) = ingest(workspace).sources
    assert report.read == 525_461 + 541_909
    assert report.adds_up
    assert report.duplicate > 10_000
    assert report.quarantined == 0


def test_features_may_be_called_anything(market):
    """Names that ingest itself might use inside are names like any other."""
    names = ["position", "content", "faults", "where", "rank", "fate", "copy", "known", "v", "t"]
    names += [
        "row",
        "file",
        "alias",
        "value",
        "made id",
        "stream",
        "select",
        "extra x",
        'a "b"',
        "x'y",
    ]
    market.write_rows(
        "p.parquet", [{"id": "a", **{name: float(i) for i, name in enumerate(names)}}]
    )
    columns = {"customer_id": "id", "observed_at": "DATE '2020-01-01'"}
    market.map("profiles", "p.parquet", columns, features="*", where="known < 100")
    market.write_csv("a.csv", "alias,customer\na,b\n")
    market.map("aliases", "a.csv", {"alias": "alias", "customer_id": "customer"})
    market.ingest()
    (row,) = market.accepted("profiles")
    assert row["customer_id"] == "b"
    assert [row[name] for name in names] == [float(i) for i in range(len(names))]
