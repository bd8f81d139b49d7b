"""`forestay init`: what is proposed for real files, and for the odd ones people have."""

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from features.errors import BadInput, Faults
from features.ingest import inspect
from features.proposal import Proposal, propose
from features.proposal.columns import split_words
from features.proposal.text import scalar
from features.settings import load_workspace, resolve_uri
from features.settings.yaml_lines import read_yaml
from features.tables import TABLES
from features.workspace import Workspace


def workspace_of(proposal: Proposal, folder: Path) -> Workspace:
    """Load a proposed file, as `forestay check` would."""
    (folder / "forestay.yaml").write_text(proposal.text, encoding="utf-8")
    return load_workspace(folder)


def from_csv(folder: Path, text: str, name: str = "orders.csv") -> Workspace:
    """Propose for one small CSV file, load what was proposed, and see that its rows are read."""
    (folder / name).write_text(text, encoding="utf-8")
    workspace = workspace_of(propose([folder / name], folder=folder), folder)
    for source in inspect(workspace).sources:
        assert source.accepted > 0
        assert source.quarantined == 0
    return workspace


def days(count: int, start: date = date(2024, 1, 20)) -> list[date]:
    """List days, going well past the twelfth of a month."""
    return [start + timedelta(days=k) for k in range(count)]


# --- the real files ---------------------------------------------------------------------------

REAL = {
    "online_retail_2": "online_retail_2/*.parquet",
    "cdnow": "cdnow/cdnow_master.parquet",
    "cdnow_sample": "cdnow/cdnow_sample.parquet",
    "groceries_38k": "groceries_38k/*.parquet",
    "it_incidents": "it_incidents/*.parquet",
    "telco_ibm": "telco_ibm/*.parquet",
    "ravenstack": "ravenstack/*.parquet",
    "hillstrom": "hillstrom/*.parquet",
}


@pytest.fixture(scope="module")
def proposed(data_dir, tmp_path_factory):
    """Propose once for each real data set."""
    found: dict[str, tuple[Proposal, Workspace]] = {}

    def of(name: str) -> tuple[Proposal, Workspace]:
        if name not in found:
            files = sorted(data_dir.glob(REAL[name]))
            proposal = propose(files, folder=data_dir)
            folder = tmp_path_factory.mktemp(name)
            found[name] = (proposal, workspace_of(proposal, folder))
        return found[name]

    return of


@pytest.mark.parametrize("name", REAL)
def test_real_files_give_a_mapping_whose_every_row_reads(proposed, data_dir, name):
    """On the real rows every needed column is filled, and every column fits its type."""
    _, workspace = proposed(name)
    at_data = Workspace(folder=data_dir, name="x", sources={}, targets={})
    with duckdb.connect() as connection:
        for source in (source for sources in workspace.sources.values() for source in sources):
            contract = TABLES[source.table_name]
            files = ", ".join(f"'{resolve_uri(uri, at_data)}'" for uri in source.uri)
            rows = f"FROM read_parquet([{files}]) WHERE {source.where or 'TRUE'}"
            casts = {"time": "TIMESTAMP", "number": "DOUBLE", "flag": "BOOLEAN"}
            counts = connection.execute(
                "SELECT count(*), "
                + ", ".join(
                    f"count(CAST(({sql}) AS {casts.get(contract.column(c).type, 'VARCHAR')}))"
                    for c, sql in source.columns.items()
                )
                + f" {rows}"
            ).fetchone()
            assert counts[0] > 0
            for column, filled in zip(source.columns, counts[1:], strict=True):
                if contract.column(column).needed:
                    assert filled == counts[0], (name, column)
                assert filled > 0, (name, column)


@pytest.mark.parametrize("name", ["cdnow", "groceries_38k", "telco_ibm", "ravenstack"])
def test_what_is_proposed_for_real_files_passes_the_check(data_dir, tmp_path, name):
    """`forestay check` accepts the proposal as it stands: nothing is quarantined."""
    files = sorted(data_dir.glob(REAL[name]))
    report = inspect(workspace_of(propose(files, folder=tmp_path), tmp_path))
    assert all(source.accepted > 0 for source in report.sources)
    assert all(source.quarantined == 0 for source in report.sources)


def test_the_retail_files_are_one_glob_with_cancellations_as_complaints(proposed):
    """Two yearly files are one source, lines multiply, and a leading C is a complaint."""
    _, shop = proposed("online_retail_2")
    orders, interactions = shop.sources["orders"][0], shop.sources["interactions"][0]
    assert orders.uri == interactions.uri == ("online_retail_2/*.parquet",)
    assert orders.columns == {
        "customer_id": '"Customer ID"',
        "ordered_at": "InvoiceDate",
        "order_id": "Invoice",
        "quantity": "Quantity",
        "amount": "Quantity * Price",
        "category": "StockCode",
    }
    assert set(orders.where.split(" AND ")) == {
        "Quantity > 0",
        "Price > 0",
        '"Customer ID" IS NOT NULL',
        "Invoice NOT LIKE 'C%'",
    }
    assert interactions.where == "Invoice LIKE 'C%' AND \"Customer ID\" IS NOT NULL"
    assert interactions.columns["kind"] == "'complaint'"
    assert (shop.targets["churn"].kind, shop.targets["churn"].horizon_days) == ("lapse", 90)
    assert shop.targets["complaint"].horizon_days == 30


def test_the_cd_purchases_are_orders_in_dollars(proposed):
    """Three plain columns are enough, and dollars are a currency."""
    _, cdnow = proposed("cdnow")
    columns = cdnow.sources["orders"][0].columns
    assert columns == {"customer_id": "customer_id", "ordered_at": "date", "amount": "dollars"}
    assert cdnow.currency == "USD"


def test_an_id_that_is_not_called_a_customers_is_marked_as_a_guess(proposed):
    """Where only `sample_id` and `master_id` are there, one is taken and marked."""
    proposal, _ = proposed("cdnow_sample")
    assert "# ??? `sample_id` is a guess: is it the customer?" in proposal.text


def test_baskets_without_money_count_one_a_row_and_say_so(proposed):
    """Without any price the amount is 1 a row, marked and noted."""
    proposal, groceries = proposed("groceries_38k")
    assert groceries.sources["orders"][0].columns["amount"] == "1"
    assert any("no column holds money" in note for note in proposal.notes)
    assert "# ??? no column holds money" in proposal.text


def test_a_log_of_updates_has_versions_and_day_first_times(proposed):
    """Updates of incidents are versions known when written; `?` is nothing."""
    _, desk = proposed("it_incidents")
    source = desk.sources["interactions"][0]
    assert source.columns["interaction_id"] == "number"
    assert source.columns["customer_id"] == "caller_id"
    assert source.columns["occurred_at"] == "strptime(opened_at, '%d/%m/%Y %H:%M')"
    assert source.columns["known_at"] == "strptime(sys_updated_at, '%d/%m/%Y %H:%M')"
    assert source.columns["resolved_at"] == "strptime(nullif(resolved_at, '?'), '%d/%m/%Y %H:%M')"
    assert "made_sla = 'false'" in source.columns["kind"]
    assert source.where.startswith("caller_id <> '?'")
    assert list(desk.targets) == ["complaint"]
    assert desk.data_until is not None
    assert desk.data_until.date() == date(2016, 6, 1)


def test_a_table_with_a_churn_column_is_profiles_and_outcomes(proposed):
    """The churn column becomes the outcome and no feature."""
    proposal, telco = proposed("telco_ibm")
    profiles, outcomes = telco.sources["profiles"][0], telco.sources["outcomes"][0]
    assert profiles.features == "*"
    assert profiles.exclude == ("customerID", "Churn")
    assert outcomes.where == "Churn = 'Yes'"
    assert telco.targets["churn"].kind == "outcomes"
    assert "perhaps [gender, SeniorCitizen]" in proposal.text


def test_five_files_of_a_subscription_business_find_their_places(proposed):
    """Accounts, subscriptions, tickets, usage and churn events each fill their table."""
    _, raven = proposed("ravenstack")
    assert set(raven.sources) == {
        "customers",
        "contracts",
        "interactions",
        "outcomes",
        "aliases",
    }
    contract = raven.sources["contracts"][0].columns
    assert (contract["cancelled_at"], contract["price"]) == ("end_date", "mrr_amount")
    usage, tickets = raven.sources["interactions"]
    assert usage.columns["kind"] == "'usage'"
    assert usage.columns["customer_id"] == "subscription_id"
    assert tickets.columns["kind"].startswith("CASE WHEN escalation_flag THEN 'complaint'")
    assert tickets.columns["satisfaction"] == "(satisfaction_score - 1) / 4.0"
    assert raven.sources["aliases"][0].columns == {
        "alias": "subscription_id",
        "customer_id": "account_id",
    }
    assert raven.targets["churn"].kind == "outcomes"


def test_a_table_without_customers_or_dates_says_what_it_lacks(proposed):
    """A campaign table without ids gives profiles by position, and no target."""
    proposal, table = proposed("hillstrom")
    assert "customer_id" not in table.sources["profiles"][0].columns
    assert table.targets == {}
    assert any("no customer id" in note for note in proposal.notes)
    assert "# ??? nothing here says who left" in proposal.text


# --- small files people have ------------------------------------------------------------------


def test_a_semicolon_file_with_decimal_commas_and_german_dates(tmp_path):
    """Semicolons, `12,50` and `20.01.2024` are read as money and days."""
    rows = "".join(f"K{k % 7};{day:%d.%m.%Y};{k},50\n" for k, day in enumerate(days(40), start=1))
    columns = (
        from_csv(tmp_path, "Kunde;Datum;Betrag\n" + rows, "umsatz.csv").sources["orders"][0].columns
    )
    assert columns["customer_id"] == "Kunde"
    assert columns["ordered_at"] == "strptime(Datum, '%d.%m.%Y')"
    value = duckdb.sql(f"SELECT {columns['amount']} FROM (SELECT '1.012,50' AS Betrag)").fetchone()
    assert value == (1012.5,)


def test_a_date_that_may_be_month_first_is_marked(tmp_path):
    """Where no day is beyond the twelfth, the file says that it cannot tell."""
    rows = "".join(f"c{k % 5},{k % 12 + 1:02}/{k % 11 + 1:02}/2024,9.5\n" for k in range(60))
    (tmp_path / "sales.csv").write_text("customer,date,amount\n" + rows)
    proposal = propose([tmp_path / "sales.csv"], folder=tmp_path)
    workspace_of(proposal, tmp_path)
    assert "# ??? `date` may be month first" in proposal.text


def test_american_dates_are_month_first(tmp_path):
    """A day beyond the twelfth in second place settles it."""
    rows = "".join(f"c{k % 5},{d:%m/%d/%Y},9.5\n" for k, d in enumerate(days(60)))
    columns = from_csv(tmp_path, "customer,date,amount\n" + rows).sources["orders"][0].columns
    assert columns["ordered_at"] == "strptime(date, '%m/%d/%Y')"


@pytest.mark.parametrize(
    ("start", "step", "sql"),
    [
        pytest.param(1_700_000_000, 86_400, "to_timestamp(CAST(ts AS BIGINT))", id="seconds"),
        pytest.param(1_700_000_000_000, 86_400_000, "epoch_ms(CAST(ts AS BIGINT))", id="millis"),
        pytest.param(20240101, 1, "strptime(CAST(ts AS VARCHAR), '%Y%m%d')", id="yyyymmdd"),
    ],
)
def test_times_written_as_numbers_are_converted(tmp_path, start, step, sql):
    """Numbers under a name for time are seconds, milliseconds or spelt days, by their size."""
    rows = [{"user_id": f"u{k % 4}", "ts": start + k * step, "amount": k} for k in range(30)]
    path = tmp_path / "sales.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    workspace = workspace_of(propose([path], folder=tmp_path), tmp_path)
    assert workspace.sources["orders"][0].columns["ordered_at"] == sql


def test_a_bank_table_with_numbers_for_yes(tmp_path):
    """`Exited` = 1 is the outcome; surnames are left out of the features."""
    rows = "".join(f"{1000 + k},Name{k},{k % 9},{k % 2}\n" for k in range(50))
    bank = from_csv(tmp_path, "CustomerId,Surname,Balance,Exited\n" + rows, "bank.csv")
    assert bank.sources["profiles"][0].exclude == ("CustomerId", "Exited", "Surname")
    assert bank.sources["outcomes"][0].where == "Exited = '1'"


def test_attrition_in_words_is_recognised(tmp_path):
    """`Attrited Customer` is the one who left."""
    rows = "".join(
        f"{k},{'Attrited' if k % 5 == 0 else 'Existing'} Customer,{k}\n" for k in range(50)
    )
    bank = from_csv(tmp_path, "client_id,Attrition_Flag,Limit\n" + rows, "bank.csv")
    assert bank.sources["outcomes"][0].where == "Attrition_Flag = 'Attrited Customer'"


def test_leases_become_contracts(tmp_path):
    """A start, an agreed end and a rent are a contract; its end is the churn."""
    rows = "".join(
        f"L{k},T{k},{d:%Y-%m-%d},{d + timedelta(days=365):%Y-%m-%d},{900 + k}\n"
        for k, d in enumerate(days(60))
    )
    leases = from_csv(
        tmp_path, "lease_id,tenant_id,start_date,expiry_date,monthly_rent\n" + rows, "leases.csv"
    )
    assert leases.sources["contracts"][0].columns == {
        "contract_id": "lease_id",
        "customer_id": "tenant_id",
        "starts_at": "start_date",
        "ends_at": "expiry_date",
        "price": "monthly_rent",
    }
    assert leases.targets["churn"].kind == "contract"


def test_a_status_of_returned_stands_for_a_complaint(tmp_path):
    """Orders whose status says returned are no purchases but complaints."""
    rows = "".join(
        f"o{k},c{k % 9},{d:%Y-%m-%d},{k}.5,{'returned' if k % 10 == 0 else 'shipped'}\n"
        for k, d in enumerate(days(90))
    )
    shop = from_csv(tmp_path, "order_id,customer_id,order_date,amount,status\n" + rows)
    assert shop.sources["orders"][0].where == "NOT (status IN ('returned'))"
    assert shop.sources["interactions"][0].where == "status IN ('returned')"
    assert set(shop.targets) == {"churn", "complaint"}


def test_a_ticket_type_of_complaint_is_the_kind(tmp_path):
    """A column that names complaints decides, whatever else there is."""
    rows = "".join(
        f"t{k},c{k % 9},{d:%Y-%m-%d},{['Complaint', 'Question'][k % 2]}\n"
        for k, d in enumerate(days(90))
    )
    desk = from_csv(
        tmp_path, "ticket_id,customer_id,created_at,ticket_type\n" + rows, "tickets.csv"
    )
    kind = desk.sources["interactions"][0].columns["kind"]
    assert kind == "CASE WHEN ticket_type IN ('Complaint') THEN 'complaint' ELSE 'contact' END"
    assert "complaint" in desk.targets


def test_names_in_chinese_are_understood(tmp_path):
    """A Chinese export maps by its own names."""
    rows = "".join(f"k{k % 6},{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
    shop = from_csv(tmp_path, "客户编号,订单日期,金额\n" + rows, "订单.csv")
    assert shop.sources["orders"][0].columns == {
        "customer_id": '"客户编号"',
        "ordered_at": '"订单日期"',
        "amount": '"金额"',
    }
    assert shop.name == "workspace"


def test_awkward_column_names_survive_sql_and_yaml(tmp_path):
    """Quotes, colons, points and keywords in names come through."""
    rows = "".join(f"c{k % 6},{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
    shop = from_csv(tmp_path, '"Customer: ""ID""",order.date,"amount # net"\n' + rows)
    assert shop.sources["orders"][0].columns == {
        "customer_id": '"Customer: ""ID"""',
        "ordered_at": '"order.date"',
        "amount": '"amount # net"',
    }


def test_files_outside_the_workspace_keep_their_whole_path(tmp_path):
    """Only files inside the workspace's folder are named relative to it."""
    rows = "".join(f"c{k % 6},{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
    (tmp_path / "sales.csv").write_text("customer,date,amount\n" + rows)
    inner = tmp_path / "workspace"
    inner.mkdir()
    proposal = propose([tmp_path / "sales.csv"], folder=inner)
    source = workspace_of(proposal, inner).sources["orders"][0]
    assert source.uri == (str((tmp_path / "sales.csv").resolve()),)


def test_the_same_files_give_the_same_text(tmp_path):
    """A proposal depends on the files alone, not on their order or on the clock."""
    for name in ("a.csv", "b.csv", "other.csv"):
        rows = "".join(f"c{k % 6},{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
        (tmp_path / name).write_text("customer,date,amount\n" + rows)
    files = [tmp_path / "b.csv", tmp_path / "a.csv"]
    first, second = (propose(order, folder=tmp_path) for order in (files, files[::-1]))
    assert first == second
    assert workspace_of(first, tmp_path).sources["orders"][0].uri == ("a.csv", "b.csv")


# --- what cannot be proposed --------------------------------------------------------------------


def test_every_unreadable_file_is_named_at_once(tmp_path):
    """Missing, of no known kind, damaged: three messages of one run."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but not really")
    (tmp_path / "b.docx").write_text("x")
    with pytest.raises(Faults) as caught:
        propose([tmp_path / name for name in ("a.parquet", "b.docx", "c.csv")])
    assert [fault.where for fault in caught.value.faults] == ["a.parquet", "b.docx", "c.csv"]


def test_a_file_that_says_nothing_of_customers_is_told(tmp_path):
    """Where no table fits, the message says what would be needed."""
    rows = "".join(f"{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
    (tmp_path / "weather.csv").write_text("date,temperature\n" + rows)
    with pytest.raises(BadInput, match="a column that names the customer"):
        propose([tmp_path / "weather.csv"], folder=tmp_path)


def test_no_file_is_told():
    """Without any file there is nothing to look at."""
    with pytest.raises(BadInput, match="name your files"):
        propose([])


def test_an_empty_file_beside_others_is_left_out_with_a_note(tmp_path):
    """A file without rows does no harm."""
    rows = "".join(f"c{k % 6},{d:%Y-%m-%d},{k}.5\n" for k, d in enumerate(days(60)))
    (tmp_path / "sales.csv").write_text("customer,date,amount\n" + rows)
    (tmp_path / "tickets.csv").write_text("ticket_id,customer_id,opened_at\n")
    proposal = propose(sorted(tmp_path.glob("*.csv")), folder=tmp_path)
    assert "tickets.csv: no rows, so it was left out" in proposal.notes
    assert set(workspace_of(proposal, tmp_path).sources) == {"orders"}


@pytest.mark.parametrize(
    "text", ["a", "null", "'x'", '"Customer ID"', "a: b # c", "x\ny", 'it\'s "so"', "\\", "*", ""]
)
def test_scalars_read_back_as_they_were(tmp_path, text):
    """Whatever is written into the file, YAML reads the same text."""
    (tmp_path / "t.yaml").write_text(f"key: {scalar(text)}\n", encoding="utf-8")
    node = read_yaml(tmp_path / "t.yaml", [])
    assert node is not None
    assert (node.entries["key"].kind, node.entries["key"].text) == ("text", text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customerID", ("customer", "id")),
        ("Customer ID", ("customer", "id")),
        ("InvoiceDate", ("invoice", "date")),
        ("mrr_amount", ("mrr", "amount")),
        ("category.1", ("category", "1")),
    ],
)
def test_names_split_into_words(name, words):
    """Camel case, snake case and spaces give the same words."""
    assert split_words(name) == words
