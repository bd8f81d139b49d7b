"""Versions by known time, and ids that mean one customer: what is visible when.

Every interval is worked out by hand: a row is visible for known_at < as_of <= superseded_at.
"""

from datetime import UTC, datetime

import pytest

from features.errors import BadInput
from tests.small_market import SmallMarket, orders_csv

CASES = {
    "interaction_id": "n",
    "customer_id": "customer",
    "occurred_at": "moment",
    "known_at": "known",
    "kind": "kind",
}


@pytest.fixture
def market(tmp_path) -> SmallMarket:
    """Make an empty workspace that lets half of the rows be faulty."""
    return SmallMarket(tmp_path, quarantine_limit=0.5)


def day(number: int | None) -> datetime | None:
    """Give a day of January 2020, as naive UTC."""
    return datetime(2020, 1, number) if number else None  # noqa: DTZ001 - naive UTC


def cases(market: SmallMarket, *lines: str) -> None:
    """Map interactions: number, customer, event day, known day, kind."""
    rows = []
    for line in lines:
        number, customer, event, known, kind = line.split()
        at = ["" if d == "-" else f"2020-01-{int(d):02d}" for d in (event, known)]
        rows.append(f"{number},{customer},{at[0]},{at[1]},{kind}")
    text = "\n".join(["n,customer,moment,known,kind", *rows]) + "\n"
    market.map("interactions", market.write_csv("i.csv", text), CASES)


def aliases(market: SmallMarket, *lines: str) -> None:
    """Map aliases: the other id, the customer, since when (- for always)."""
    rows = []
    for line in lines:
        alias, customer, since = line.split()
        rows.append(f"{alias},{customer},{'' if since == '-' else f'2020-01-{int(since):02d}'}")
    text = "\n".join(["alias,customer,since", *rows]) + "\n"
    columns = {"alias": "alias", "customer_id": "customer", "known_at": "since"}
    market.map("aliases", market.write_csv("aliases.csv", text), columns)


def life(market: SmallMarket, table: str = "interactions") -> list[tuple]:
    """List (customer, known day, superseded day) of all rows of a table."""
    rows = [
        (
            row["customer_id"],
            row["known_at"] and row["known_at"].day,
            row["superseded_at"] and row["superseded_at"].day,
        )
        for row in market.accepted(table)
    ]
    return sorted(rows, key=str)


def test_a_version_ends_when_the_next_is_known(market):
    """Three versions of one case, given in any order, follow each other without gap."""
    cases(market, "7 x 1 9 complaint", "7 x 1 1 contact", "7 x 1 5 contact", "8 x 2 2 contact")
    report = market.ingest().sources[0]
    assert life(market) == [("x", 1, 5), ("x", 2, None), ("x", 5, 9), ("x", 9, None)]
    assert (report.accepted, report.superseded) == (4, 0)


def test_rows_known_at_once_are_no_versions(market):
    """Of two rows of one case known on the same day the later in the file counts."""
    cases(market, "7 x 1 5 contact", "7 x 1 5 complaint", "7 x 1 9 contact")
    report = market.ingest().sources[0]
    assert life(market) == [("x", 5, 9), ("x", 9, None)]
    kinds = sorted((row["known_at"], row["kind"]) for row in market.accepted("interactions"))
    assert [kind for _, kind in kinds] == ["complaint", "contact"]
    assert report.superseded == 1


def test_known_at_is_the_event_time_where_it_is_missing(market):
    """A row without known time was known when it happened."""
    cases(market, "7 x 3 - contact")
    market.ingest()
    assert life(market) == [("x", 3, None)]


def test_a_version_may_move_a_case_to_another_customer(market):
    """The first customer's row ends when the correction is known."""
    cases(market, "7 x 1 1 contact", "7 y 1 5 contact")
    market.ingest()
    assert life(market) == [("x", 1, 5), ("y", 5, None)]


def test_a_quarantined_version_ends_no_other(market):
    """A faulty correction corrects nothing."""
    cases(market, "7 x 1 1 contact", "7 x - 5 contact")
    market.ingest()
    assert life(market) == [("x", 1, None)]


def test_versions_meet_across_sources_of_a_table(market):
    """A correction may come in another file, mapped for itself."""
    cases(market, "7 x 1 1 contact")
    market.write_csv(
        "later.csv", "n,customer,moment,known,kind\n7,x,2020-01-01,2020-01-04,survey\n"
    )
    market.map("interactions", "later.csv", CASES)
    market.ingest()
    assert life(market) == [("x", 1, 4), ("x", 4, None)]


@pytest.mark.parametrize(
    ("columns", "lives"),
    [
        pytest.param({}, [("x", 1, None), ("x", 5, None)], id="without-line-id"),
        pytest.param({"line_id": "line"}, [("x", 1, 5), ("x", 5, None)], id="with-line-id"),
    ],
)
def test_lines_of_an_order_have_versions_only_with_a_line_id(market, columns, lives):
    """Without one, two lines of an order are two lines."""
    market.write_csv(
        "a.csv",
        "n,line,customer,moment,known,amount\n"
        "1,1,x,2020-01-01,2020-01-01,5\n1,1,x,2020-01-01,2020-01-05,6\n",
    )
    usual = {
        "order_id": "n",
        "customer_id": "customer",
        "ordered_at": "moment",
        "known_at": "known",
        "amount": "amount",
    }
    market.map("orders", "a.csv", usual | columns)
    market.ingest()
    assert life(market, "orders") == lives


@pytest.mark.parametrize(
    ("row", "alias", "lives"),
    [
        pytest.param("7 a 1 1 contact", "a b -", [("b", 1, None)], id="known-always"),
        pytest.param("7 a 1 1 contact", "a b 5", [("a", 1, 5), ("b", 5, None)], id="known-later"),
        pytest.param("7 a 1 6 contact", "a b 5", [("b", 6, None)], id="row-known-after"),
        pytest.param("7 a 1 5 contact", "a b 5", [("b", 5, None)], id="known-at-once"),
        pytest.param("7 c 1 1 contact", "a b 5", [("c", 1, None)], id="somebody-else"),
        pytest.param("7 a 1 1 contact", "a a 5", [("a", 1, None)], id="itself"),
    ],
)
def test_an_alias_is_replaced_as_of_its_known_time(market, row, alias, lives):
    """As given until it is known, under the customer's id from then on."""
    cases(market, row)
    aliases(market, alias)
    market.ingest()
    assert life(market) == lives


@pytest.mark.parametrize(
    ("known", "lives"),
    [
        pytest.param(5, [("a", 1, 3), ("a", 3, 5), ("b", 5, None)], id="during-the-second"),
        pytest.param(2, [("a", 1, 2), ("b", 2, 3), ("b", 3, None)], id="during-the-first"),
    ],
)
def test_an_alias_cuts_only_the_version_it_meets(market, known, lives):
    """Versions before it stay as they were; those after come under the customer at once."""
    cases(market, "7 a 1 1 contact", "7 a 1 3 complaint")
    aliases(market, f"a b {known}")
    market.ingest()
    assert life(market) == lives


@pytest.mark.parametrize(
    ("links", "lives"),
    [
        pytest.param(
            ["a b 3", "b c 6"], [("a", 1, 3), ("b", 3, 6), ("c", 6, None)], id="link-by-link"
        ),
        pytest.param(["a b 6", "b c 3"], [("a", 1, 6), ("c", 6, None)], id="second-link-first"),
        pytest.param(["a b -", "b c -"], [("c", 1, None)], id="always"),
        pytest.param(
            ["a b 3", "b c 4", "c d 5"],
            [("a", 1, 3), ("b", 3, 4), ("c", 4, 5), ("d", 5, None)],
            id="three-links",
        ),
        pytest.param(
            ["a b 3", "a a 6"], [("a", 1, 3), ("a", 6, None), ("b", 3, 6)], id="taken-back"
        ),
        pytest.param(
            ["a b 2", "b c 4", "b b 6"],
            [("a", 1, 2), ("b", 2, 4), ("b", 6, None), ("c", 4, 6)],
            id="taken-back-along-a-chain",
        ),
        pytest.param(
            ["a b 3", "a c 6"], [("a", 1, 3), ("b", 3, 6), ("c", 6, None)], id="given-again"
        ),
        pytest.param(
            ["a b 3", "a d 6", "b c 4"],
            [("a", 1, 3), ("b", 3, 4), ("c", 4, 6), ("d", 6, None)],
            id="given-again-in-a-chain",
        ),
    ],
)
def test_chains_of_aliases_are_followed_each_link_from_its_time(market, links, lives):
    """A stands for b, b for c: at any time the row is under one id only."""
    cases(market, "7 a 1 1 contact")
    aliases(market, *links)
    market.ingest()
    assert life(market) == lives


@pytest.mark.parametrize(
    "links",
    [
        pytest.param(["a b 3", "b a 5"], id="two"),
        pytest.param(["a b -", "b c -", "c a -"], id="three"),
        pytest.param(["x a 2", "a b 3", "b a 5"], id="seen-from-outside"),
    ],
)
def test_aliases_that_lead_back_to_themselves_are_refused(market, links):
    """Nobody can say whose rows they are."""
    cases(market, "7 a 1 1 contact")
    aliases(market, *links)
    with pytest.raises(BadInput, match="lead back to themselves"):
        market.ingest()


def test_aliases_that_are_taken_back_before_they_meet_are_no_circle(market):
    """A stood for b, then for c; b stands for a only after that."""
    cases(market, "7 a 1 1 contact")
    aliases(market, "a b 2", "a c 4", "b a 6")
    market.ingest()
    assert life(market) == [("a", 1, 2), ("b", 2, 4), ("c", 4, None)]


def test_matched_and_unmatched_aliases_are_counted(market):
    """Ids found in any other table, and ids found nowhere."""
    cases(market, "7 a 1 1 contact", "8 a 1 1 contact")
    aliases(market, "a b 3", "z b 3")
    report = market.ingest()
    assert (report.alias_matched, report.alias_unmatched) == (1, 1)


def test_orders_of_merged_customers_at_one_time_become_one_order(market):
    """An order's id made from customer and time follows the customer."""
    text = orders_csv("a,2020-01-01,5", "b,2020-01-01,6")
    columns = {"customer_id": "customer", "ordered_at": "moment", "amount": "amount"}
    market.map("orders", market.write_csv("o.csv", text), columns)
    aliases(market, "a b -")
    market.ingest()
    assert len({row["order_id"] for row in market.accepted("orders")}) == 1


def test_of_merged_customers_the_own_row_stays(market):
    """What is known of the customer goes before what is known of an alias."""
    cases(market, "7 a 1 1 contact")
    market.write_csv("c.csv", "id,town\na,Leeds\nb,York\nd,Hull\ne,Bath\n")
    market.map("customers", "c.csv", {"customer_id": "id", "region": "town"})
    aliases(market, "a b -", "d f -", "e f -")
    market.ingest()
    found = {(row["customer_id"], row["region"]) for row in market.accepted("customers")}
    assert found == {("b", "York"), ("f", "Bath")}


def test_a_customers_row_follows_an_alias_known_later(market):
    """Until then the alias is a customer of its own."""
    cases(market, "7 a 1 1 contact")
    market.map("customers", market.write_csv("c.csv", "id\na\n"), {"customer_id": "id"})
    aliases(market, "a b 5")
    market.ingest()
    assert life(market, "customers") == [("a", None, 5), ("b", 5, None)]


def test_the_real_incident_log_has_versions(data_dir, tmp_path):
    """One newest row for each incident, and as many versions as update times."""
    market = SmallMarket(tmp_path)
    fmt = "'%d/%m/%Y %H:%M'"
    columns = {
        "interaction_id": "number",
        "customer_id": "caller_id",
        "occurred_at": f"strptime(opened_at, {fmt})",
        "known_at": f"strptime(sys_updated_at, {fmt})",
        "kind": "'contact'",
    }
    uri = str(data_dir / "it_incidents" / "incident_event_log.parquet")
    market.map("interactions", uri, columns)
    report = market.ingest().sources[0]
    rows = market.accepted("interactions")
    assert report.read == 141_712
    assert sum(row["superseded_at"] is None for row in rows) == 24_918
    assert report.adds_up
    assert datetime(2016, 1, 1, tzinfo=UTC) < market.ingest().first_event_at
