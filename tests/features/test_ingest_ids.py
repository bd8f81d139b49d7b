"""Ids stay text with every digit; numbers, flags and texts become what the contract asks."""

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import BadInput
from tests.small_market import ORDERS, SmallMarket, orders_csv


@pytest.fixture
def market(tmp_path) -> SmallMarket:
    """Make an empty workspace that lets nearly all rows be faulty."""
    return SmallMarket(tmp_path, quarantine_limit=0.9)


def customers_of(market: SmallMarket) -> list[str]:
    """Name the customers of all accepted orders."""
    return [row["customer_id"] for row in market.accepted("orders")]


@pytest.mark.parametrize(
    "written", ["00123", "12345678901234567890", "1e5", "0x1F", "1_000", "ID 7"]
)
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_an_id_in_text_keeps_what_is_written(market, written, ending):
    """Leading zeros and twenty digits survive, whatever they look like."""
    row = {"customer": written, "moment": "2020-01-01", "amount": "1"}
    market.map("orders", market.write_rows(f"a.{ending}", [row]), ORDERS)
    market.ingest()
    assert customers_of(market) == [written]


def test_a_bare_number_of_json_keeps_its_digits(market):
    """JSON numbers longer than any machine number are read digit by digit."""
    line = '{"customer": 12345678901234567890123, "moment": "2020-01-01", "amount": 1}\n'
    market.map("orders", market.write_csv("a.jsonl", line), ORDERS)
    market.ingest()
    assert customers_of(market) == ["12345678901234567890123"]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        pytest.param(pa.array([12346.0]), "12346", id="double"),
        pytest.param(pa.array([12346.5]), "12346.5", id="double-with-part"),
        pytest.param(pa.array([2**53]), "9007199254740992", id="integer"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), "18446744073709551615", id="unsigned"),
        pytest.param(pa.array([Decimal("12346.00")]), "12346", id="decimal"),
        pytest.param(
            pa.array([Decimal(12345678901234567890)]), "12345678901234567890", id="long-decimal"
        ),
        pytest.param(pa.array(["a"]).dictionary_encode(), "a", id="dictionary"),
        pytest.param(pa.array([b"a7"]), "a7", id="bytes"),
    ],
)
def test_an_id_of_a_typed_column_becomes_plain_text(market, array, text):
    """Whole numbers have no point; no digit is lost."""
    table = pa.table({"customer": array, "moment": ["2020-01-01"], "amount": [1.0]})
    pq.write_table(table, market.workspace.folder / "a.parquet")
    market.map("orders", "a.parquet", ORDERS)
    market.ingest()
    assert customers_of(market) == [text]


@pytest.mark.parametrize("blank", ["", " ", "\t  "])
def test_a_blank_id_is_missing(market, blank):
    """Nothing but spaces names nobody."""
    market.write_rows(
        "a.jsonl",
        [
            {"customer": blank, "moment": "2020-01-01", "amount": 1},
            {"customer": "x", "moment": "2020-01-01", "amount": 1},
        ],
    )
    market.map("orders", "a.jsonl", ORDERS)
    assert market.ingest().sources[0].faults == {"customer_id: missing": 1}


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        pytest.param('"12,50"', "not_a_number", id="decimal-comma"),
        pytest.param("NaN", "not_a_number", id="nan"),
        pytest.param("inf", "not_a_number", id="infinite"),
        pytest.param("5 GBP", "not_a_number", id="with-unit"),
        pytest.param("1e30", "out_of_range", id="too-large"),
        pytest.param("", "missing", id="empty"),
    ],
)
def test_what_is_no_amount_is_quarantined(market, written, fault):
    """Nothing is repaired by guessing."""
    market.write_csv("a.csv", orders_csv("x,2020-01-01,5", f"y,2020-01-01,{written}"))
    market.map("orders", "a.csv", ORDERS)
    assert market.ingest().sources[0].faults == {f"amount: {fault}": 1}


def test_one_bad_cell_does_not_spoil_a_computed_column(market):
    """Price is text because of one cell; quantity * price still works for all the others."""
    market.write_csv(
        "a.csv",
        "customer,moment,quantity,price\nx,2020-01-01,2,1.5\ny,2020-01-01,2,none\n"
        "z,2020-01-01,3,2.5\n",
    )
    market.map("orders", "a.csv", {**ORDERS, "amount": "quantity * price"})
    report = market.ingest().sources[0]
    assert report.faults == {"amount: not_a_number": 1}
    assert [row["amount"] for row in market.accepted("orders")] == [Decimal(3), Decimal("7.5")]


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        pytest.param("satisfaction", "1.01", "out_of_range", id="satisfaction-above-one"),
        pytest.param("satisfaction", "-0.01", "out_of_range", id="satisfaction-below-zero"),
        pytest.param("sentiment", "-1.5", "out_of_range", id="sentiment-below-minus-one"),
        pytest.param("wait_minutes", "-1", "out_of_range", id="negative-waiting"),
        pytest.param("wait_minutes", "long", "not_a_number", id="waiting-in-words"),
        pytest.param("resolved_at", "later", "not_a_time", id="resolved-in-words"),
    ],
)
def test_ranges_of_the_contract_are_held(market, column, value, fault):
    """A rating above one is a rating on another scale."""
    market.write_csv("i.csv", f"customer,moment,v\nx,2020-01-01,\ny,2020-01-01,{value}\n")
    mapped = {"customer_id": "customer", "occurred_at": "moment", "kind": "'survey'", column: "v"}
    market.map("interactions", "i.csv", mapped)
    assert market.ingest().sources[0].faults == {f"{column}: {fault}": 1}


def test_one_of_a_few_words_is_held_whatever_its_capitals(market):
    """`arm` is treated or held_out and nothing else."""
    market.write_csv("c.csv", "customer,moment,arm\nx,2020-01-01,Treated\ny,2020-01-01,control\n")
    mapped = {"customer_id": "customer", "sent_at": "moment", "action": "'call'", "arm": "arm"}
    market.map("contacts", "c.csv", {**mapped, "channel": "'phone'"})
    market.map("orders", market.write_csv("a.csv", orders_csv("x,2020-01-01,5")), ORDERS)
    assert market.ingest().sources[0].faults == {"arm: not_allowed": 1}
    assert market.accepted("contacts")[0]["arm"] == "treated"


@pytest.mark.parametrize(
    ("written", "flag"),
    [("true", True), ("F", False), ("Yes", True), ("no", False), ("1", True), ("0", False)],
)
def test_flags_are_read_as_people_write_them(market, written, flag):
    """Six ways, either capitals."""
    market.write_csv("a.csv", f"customer,moment,amount,back\nx,2020-01-01,5,{written}\n")
    market.map("orders", "a.csv", {**ORDERS, "is_return": "back"})
    market.ingest()
    assert market.accepted("orders")[0]["is_return"] is flag


def test_what_is_no_flag_is_quarantined(market):
    """Perhaps is neither."""
    market.write_csv(
        "a.csv", "customer,moment,amount,back\nx,2020-01-01,5,yes\ny,2020-01-01,5,perhaps\n"
    )
    market.map("orders", "a.csv", {**ORDERS, "is_return": "back"})
    assert market.ingest().sources[0].faults == {"is_return: not_a_flag": 1}


def test_codes_with_leading_zeros_stay_text(market):
    """A category such as 0042 is no number, mapped as it is or put together."""
    market.write_csv("a.csv", "customer,moment,amount,code\nx,2020-01-01,5,0042\n")
    market.map("orders", "a.csv", {**ORDERS, "category": "code", "channel": "'c' || code"})
    market.ingest()
    (row,) = market.accepted("orders")
    assert (row["category"], row["channel"]) == ("0042", "c0042")


def test_missing_ids_of_a_mapped_column_are_made_from_the_position(market):
    """A call without a number is a call of its own; a profile without a customer is a fault."""
    market.write_csv("i.csv", "n,customer,moment\n7,x,2020-01-01\n,x,2020-01-02\n")
    mapped = {"customer_id": "customer", "occurred_at": "moment", "kind": "'contact'"}
    market.map("interactions", "i.csv", {**mapped, "interaction_id": "n"})
    market.write_csv("p.csv", "id,age\na,3\n,4\n")
    profile = {"customer_id": "id", "observed_at": "DATE '2020-01-01'"}
    market.map("profiles", "p.csv", profile, features="*")
    report = market.ingest()
    assert [r["interaction_id"] for r in market.accepted("interactions")] == ["7", "i.csv#2"]
    assert report.sources[1].faults == {"customer_id: missing": 1}


def test_profiles_and_outcomes_of_one_file_share_their_position_ids(market):
    """Without a customer column, row 2 is the same customer in both tables."""
    market.write_csv("p.csv", "age,gone\n30,no\n40,yes\n")
    market.map("profiles", "p.csv", {"observed_at": "DATE '2020-01-01'"}, features=("age",))
    mapped = {"outcome": "'churn'", "occurred_at": "DATE '2020-01-02'"}
    market.map("outcomes", "p.csv", mapped, where="gone = 'yes'")
    market.ingest()
    assert [row["customer_id"] for row in market.accepted("outcomes")] == ["p.csv#2"]
    assert [row["customer_id"] for row in market.accepted("profiles")] == ["p.csv#1", "p.csv#2"]


def test_a_column_used_in_an_id_is_shown_as_the_text_it_stays(tmp_path):
    """`forestay check` prints what is read, not what the digits look like."""
    market = SmallMarket(tmp_path)
    market.map("orders", market.write_csv("a.csv", orders_csv("7,2020-01-01,5")), ORDERS)
    assert market.ingest().sources[0].types["customer"] == "VARCHAR"


def test_a_field_of_nested_json_is_told_to_be_reached_by_an_arrow(tmp_path):
    """Bare text has no fields; the message says what to write, and that works."""
    market = SmallMarket(tmp_path)
    market.write_csv("a.jsonl", '{"who": {"id": "007"}, "moment": "2020-01-01", "amount": 5}\n')
    empty = market.workspace
    market.map("orders", "a.jsonl", {**ORDERS, "customer_id": "who.id"})
    with pytest.raises(BadInput, match="reach into JSON with an arrow"):
        market.ingest()
    market.workspace = empty
    market.map("orders", "a.jsonl", {**ORDERS, "customer_id": "who->>'id'"})
    market.ingest()
    assert [row["customer_id"] for row in market.accepted("orders")] == ["007"]
