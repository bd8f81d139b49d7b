"""forestay.yaml and the environment: what loads, and how every way to break it reads."""

import os
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BadInput, Faults, ForestayError, NotReady
from features.settings import (
    SETTINGS,
    load_workspace,
    mlflow_tracking_uri,
    prepare_process,
    resolve_uri,
)
from features.workspace import OwnFeature, Target, Workspace

SHOP = """\
name: online-shop
currency: GBP
time_zone: Europe/London
language: en
protected: []
sources:
  orders:
    uri: ${FORESTAY_DATA}/online_retail_2/*.parquet
    where: "Quantity > 0 AND Invoice NOT LIKE 'C%' AND \\"Customer ID\\" IS NOT NULL"
    columns:
      order_id: Invoice
      customer_id: '"Customer ID"'
      ordered_at: InvoiceDate
      amount: Quantity * Price
      category: StockCode
  interactions:
    uri: ${FORESTAY_DATA}/online_retail_2/*.parquet
    where: "Invoice LIKE 'C%'"
    columns: {customer_id: '"Customer ID"', occurred_at: InvoiceDate, kind: "'complaint'"}
targets:
  churn: {kind: lapse, active_within_days: 180, horizon_days: 90, lead_days: 0}
  complaint: {kinds: [complaint], active_within_days: 90, horizon_days: 30}
snapshots: {every: 1mo, first: 2010-06-01}
evaluation: {test_as_of: [2011-03-10, 2011-06-10, 2011-09-10]}
features:
  - name: gifts_count_365d
    table: orders
    where: "category LIKE 'GIFT%'"
    aggregate: count
    window_days: 365
    unit: count
    says: {en: "Gifts bought in a year", zh: "一年内购买礼品次数"}
"""
TELCO = """\
name: telco
sources:
  profiles:
    uri: ${FORESTAY_DATA}/telco_ibm/telco.parquet
    columns: {customer_id: customerID, observed_at: "DATE '2020-01-01'"}
    features: "*"
    except: [customerID, Churn]
  outcomes:
    uri: ${FORESTAY_DATA}/telco_ibm/telco.parquet
    where: "Churn = 'Yes'"
    columns: {customer_id: customerID, outcome: "'churn'", occurred_at: "DATE '2020-01-15'"}
targets:
  churn: {horizon_days: 30}
"""
TINY = """\
name: tiny
sources:
  orders: {uri: a.csv, columns: {customer_id: c, ordered_at: t, amount: x}}
"""


def load(folder: Path, text: str) -> Workspace:
    """Write a forestay.yaml and load it."""
    (folder / "forestay.yaml").write_text(text, encoding="utf-8")
    return load_workspace(folder)


def faults_of(folder: Path, text: str) -> tuple[ForestayError, ...]:
    """Return every fault of a forestay.yaml, which must have some."""
    with pytest.raises(ForestayError) as caught:
        load(folder, text)
    error = caught.value
    return error.faults if isinstance(error, Faults) else (error,)


def test_the_shop_of_the_design_loads(tmp_path):
    """Every setting of the first example arrives in the records."""
    shop = load(tmp_path, SHOP)
    assert (shop.name, shop.currency, shop.time_zone) == ("online-shop", "GBP", "Europe/London")
    assert shop.sources["orders"][0].columns["amount"] == "Quantity * Price"
    assert shop.targets["churn"] == Target(
        name="churn", kind="lapse", active_within_days=180, horizon_days=90
    )
    assert shop.targets["complaint"].kinds == ("complaint",)
    assert (shop.snapshots.every, shop.snapshots.first) == ("1mo", date(2010, 6, 1))
    assert shop.test_as_of == (date(2011, 3, 10), date(2011, 6, 10), date(2011, 9, 10))
    assert shop.features == (
        OwnFeature(
            name="gifts_count_365d",
            table="orders",
            aggregate="count",
            window_days=365,
            where="category LIKE 'GIFT%'",
            unit="count",
            says={"en": "Gifts bought in a year", "zh": "一年内购买礼品次数"},
        ),
    )


def test_an_own_feature_may_use_a_column_that_one_of_several_mappings_fills(tmp_path):
    """Where a mapping does not fill it, it is null there, as any other column."""
    mapping = "{uri: a.csv, columns: {customer_id: a, ordered_at: b, amount: c%s}}"
    text = (
        f"name: x\nsources:\n  orders: [{mapping % ''}, {mapping % ', quantity: d'}]\n"
        "features: [{name: pieces, table: orders, aggregate: sum, column: quantity,"
        " where: quantity > 1, says: {en: a, zh: b}}]\n"
    )
    (tmp_path / "forestay.yaml").write_text(text, encoding="utf-8")
    assert load_workspace(tmp_path).features[0].column == "quantity"


def test_a_table_is_for_databases_however_they_are_named(tmp_path):
    """A DuckDB file by its ending, or a uri that is wholly a secret, takes `table:` too."""
    for uri in ("shop.duckdb", "duckdb://shop.db", "${DATABASE_URL}"):
        text = TINY.replace("a.csv", f"'{uri}', table: orders")
        (tmp_path / "forestay.yaml").write_text(text, encoding="utf-8")
        assert load_workspace(tmp_path).sources["orders"][0].table == "orders"


def test_the_customer_table_of_the_design_loads(tmp_path):
    """The second example takes its churn from the outcomes."""
    telco = load(tmp_path, TELCO)
    assert telco.targets["churn"].kind == "outcomes"
    assert telco.targets["churn"].horizon_days == 30
    assert telco.sources["profiles"][0].features == "*"
    assert telco.sources["profiles"][0].exclude == ("customerID", "Churn")
    assert (telco.time_zone, telco.language, telco.currency) == ("UTC", "en", None)


def test_defaults_follow_the_kind_of_target(tmp_path):
    """Lapse looks 90 days ahead within 180 active days, complaints 30 within 90."""
    text = SHOP.split("targets:", maxsplit=1)[0] + "targets:\n  churn:\n  complaint: {}\n"
    targets = load(tmp_path, text).targets
    assert (targets["churn"].horizon_days, targets["churn"].active_within_days) == (90, 180)
    assert (targets["complaint"].horizon_days, targets["complaint"].active_within_days) == (30, 90)


def test_contracts_alone_make_churn_the_end_of_a_contract(tmp_path):
    """Without orders the end of a contract is what churn means, and it may have days of grace."""
    text = """\
name: rental
sources:
  contracts:
    uri: leases.csv
    columns: {contract_id: id, customer_id: tenant, starts_at: since}
targets:
  churn: {grace_days: 14}
"""
    churn = load(tmp_path, text).targets["churn"]
    assert (churn.kind, churn.grace_days, churn.horizon_days) == ("contract", 14, 90)


def test_labels_of_the_users_own_win_where_no_kind_is_said(tmp_path):
    """Whoever maps outcomes means them: orders beside them then only describe the customer."""
    text = """\
name: shop
sources:
  orders:
    uri: o.csv
    columns: {customer_id: id, ordered_at: day, amount: price}
  outcomes:
    uri: left.csv
    columns: {customer_id: id, outcome: "'churn'", occurred_at: day}
targets:
  churn: {horizon_days: 60}
"""
    assert load(tmp_path, text).targets["churn"].kind == "outcomes"
    assert (
        load(tmp_path, text.replace("{horizon", "{kind: lapse, horizon")).targets["churn"].kind
        == "lapse"
    )


def test_a_table_may_have_several_mappings_and_uris(tmp_path):
    """A list of mappings, and a list of files in one of them, keep their order and number."""
    text = """\
name: two
sources:
  orders:
    - {uri: [a.csv, b.csv], columns: {customer_id: c, ordered_at: t, amount: 1}}
    - uri: postgresql://${DB}/shop
      table: sales
      time_zone: Asia/Shanghai
      fresh_within: 36h
      columns: {customer_id: c, ordered_at: t, amount: x}
"""
    first, second = load(tmp_path, text).sources["orders"]
    assert (first.uri, first.columns["amount"], first.label) == (
        ("a.csv", "b.csv"),
        "1",
        "sources.orders[0]",
    )
    assert (second.table, second.time_zone) == ("sales", "Asia/Shanghai")
    assert second.fresh_within == timedelta(hours=36)


def test_attributes_may_be_mapped_or_plain_columns(tmp_path):
    """An attribute may have an expression among the columns, or be a column of the source."""
    text = TINY + (
        "  customers: {uri: b.csv, columns: {customer_id: c, seats: CAST(s AS DOUBLE)},"
        " attributes: [seats, industry]}\n"
    )
    source = load(tmp_path, text).sources["customers"][0]
    assert source.attributes == ("seats", "industry")
    assert source.columns == {"customer_id": "c", "seats": "CAST(s AS DOUBLE)"}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2011-07-01", datetime(2011, 6, 30, 22, tzinfo=UTC), id="day-is-its-midnight"),
        pytest.param("2011-07-01T09:30", datetime(2011, 7, 1, 7, 30, tzinfo=UTC), id="local-time"),
        pytest.param(
            "2011-07-01 09:30:00+00:00", datetime(2011, 7, 1, 9, 30, tzinfo=UTC), id="utc"
        ),
    ],
)
def test_the_present_is_read_in_the_workspaces_time_zone(tmp_path, text, instant):
    """A day means the midnight that starts it, a naive time the workspace's own clock."""
    loaded = load(tmp_path, f"{TINY}time_zone: Europe/Berlin\ndata_until: {text}\n")
    assert loaded.data_until == instant


def test_shares_may_be_written_in_percent(tmp_path):
    """`7%` and `0.07` are one quarantine limit."""
    assert load(tmp_path, TINY + "quarantine_limit: 7%\n").quarantine_limit == 0.07
    assert load(tmp_path, TINY + "quarantine_limit: 0.07\n").quarantine_limit == 0.07


def test_the_ledger_says_where_records_and_keys_lie(tmp_path):
    """Relative folders start at the workspace; what is not said has its default."""
    text = "ledger: {store: '${PG}', keys: k, copy_heads_to: /mnt/heads, keep: 200d}\n"
    loaded = load(tmp_path, TINY + text)
    assert loaded.ledger.store == "${PG}"
    assert loaded.ledger_keys == tmp_path / "k"
    assert loaded.ledger.copy_heads_to == Path("/mnt/heads")
    assert loaded.ledger.keep == timedelta(days=200)
    assert load(tmp_path, TINY).ledger_keys == tmp_path / ".forestay" / "keys"


def test_a_wrong_store_of_the_ledger_is_not_shown(tmp_path):
    """A password that stands in a wrong uri must not reach a message."""
    (fault,) = faults_of(tmp_path, TINY + "ledger: {store: 'mysql://me:secret@host/db'}\n")
    assert "field ledger.store" in fault.where
    assert "secret" not in str(fault)


def _with(old: str, new: str) -> str:
    assert old in SHOP
    return SHOP.replace(old, new)


BROKEN = [
    # id, text, place, words of the message
    ("not-yaml", "name: [a\nsources: {", "line 2", "not valid YAML"),
    ("tab-indent", "name: a\nsources:\n\torders: 1\n", "line 3", "not valid YAML"),
    ("two-documents", TINY + "---\nname: b\n", "line", "single document"),
    ("empty-file", "", "forestay.yaml", "the file is empty"),
    ("only-comments", "# nothing yet\n", "forestay.yaml", "the file is empty"),
    ("top-is-a-list", "- name: a\n", "line 1", "a list (`[a, b]`) where a mapping belongs"),
    ("duplicate-key", TINY + "name: other\n", "line 4, field name", "already given on line 1"),
    ("anchors-multiply", "name: &a [" + "x," * 90 + "]\nb: &b [" + "*a," * 90
     + "]\nc: [" + "*b," * 90 + "]\n", "line", "far too large"),
    ("anchor-in-itself", "name: a\nsources: &s {orders: *s}\n", "line", "nested too deeply"),
    ("unknown-top-key", _with("currency:", "curency:"), "line 2, field curency",
     "did you mean `currency`?"),
    ("name-missing", _with("name: online-shop\n", ""), "line 1", "`name` is missing"),
    ("name-illegal", _with("online-shop", "a/b c"), "line 1, field name", "cannot be used"),
    ("currency-lower", _with("GBP", "pounds"), "line 2, field currency", "three capital letters"),
    ("time-zone-unknown", _with("Europe/London", "Europe/Lodnon"), "line 3, field time_zone",
     "did you mean `Europe/London`"),
    ("language-unknown", _with("language: en", "language: de"), "line 4, field language",
     "one of en, zh"),
    ("no-sources", "name: a\n", "line 1", "`sources` is missing"),
    ("sources-empty", "name: a\nsources:\n", "line 2, field sources", "`sources` is missing"),
    ("sources-a-list", "name: a\nsources: [orders]\n", "line 2, field sources",
     "a list (`[a, b]`) where a mapping belongs"),
    ("unknown-table", _with("  orders:", "  order:"), "line 7, field sources.order",
     "did you mean `orders`"),
    ("no-subject", "name: a\nsources:\n  customers: {uri: a.csv, columns: {customer_id: c}}\n",
     "line 2, field sources", "no source tells what customers did or are"),
    ("uri-missing", _with('    uri: ${FORESTAY_DATA}/online_retail_2/*.parquet\n    where: "Q',
                          '    where: "Q'), "field sources.orders", "`uri` is missing"),
    ("uri-empty-list", TINY.replace("a.csv", "[]"), "field sources.orders.uri", "an empty list"),
    ("uri-number-of-things", TINY.replace("a.csv", "{a: b}"), "field sources.orders.uri",
     "a mapping where a list belongs"),
    ("uri-half-variable", TINY.replace("a.csv", "$DATA/a.csv"), "field sources.orders.uri",
     "a `$` that is not part of `${NAME}`"),
    ("uri-unknown-scheme", TINY.replace("a.csv", "https://x.org/a.csv"),
     "field sources.orders.uri", "`https://` is not a kind of source"),
    ("database-without-table", TINY.replace("a.csv", "'duckdb://shop.db'"),
     "field sources.orders.uri", "a database without a table"),
    ("file-with-table", TINY.replace("a.csv", "a.csv, table: t"), "field sources.orders.table",
     "`table` belongs to databases"),
    ("files-and-database", TINY.replace("a.csv", "[a.csv, 'duckdb://s.db'], table: t"),
     "field sources.orders.uri", "files and databases in one mapping"),
    ("columns-missing", "name: a\nsources:\n  orders:\n    uri: a.csv\n",
     "line 3, field sources.orders", "`columns` is missing"),
    ("columns-a-list", "name: a\nsources:\n  orders:\n    uri: a.csv\n    columns: [a, b]\n",
     "line 5, field sources.orders.columns", "a list (`[a, b]`) where a mapping belongs"),
    ("column-unknown", _with("ordered_at: Inv", "orderd_at: Inv"),
     "line 13, field sources.orders.columns.orderd_at", "did you mean `ordered_at`"),
    ("column-needed", _with("      amount: Quantity * Price\n", ""),
     "line 10, field sources.orders.columns", "the needed column `amount`"),
    ("column-not-text", _with("amount: Quantity * Price", "amount: [Quantity, Price]"),
     "line 14, field sources.orders.columns.amount", "a list (`[a, b]`) where a single value"),
    ("expression-syntax", _with("Quantity * Price", "Quantity * (Price"),
     "line 14, field sources.orders.columns.amount", "syntax error"),
    ("expression-statement", _with("Quantity * Price", "(SELECT 1)"),
     "line 14, field sources.orders.columns.amount", "a query inside the expression"),
    ("expression-file", _with("Quantity * Price", "read_text('/etc/passwd')"),
     "line 14, field sources.orders.columns.amount", "`read_text` is not allowed"),
    ("where-clock", _with('where: "Quantity > 0', 'where: "InvoiceDate < now()'),
     "line 9, field sources.orders.where", "results must repeat"),
    ("where-a-list", TINY.replace("a.csv", "a.csv, where: [a]"), "field sources.orders.where",
     "a list (`[a, b]`) where a single value"),
    ("source-time-zone", TINY.replace("a.csv", "a.csv, time_zone: Mars"),
     "field sources.orders.time_zone", "no time zone `Mars`"),
    ("fresh-within-months", TINY.replace("a.csv", "a.csv, fresh_within: 1mo"),
     "field sources.orders.fresh_within", "a span such as 36h or 7d"),
    ("features-elsewhere", TINY.replace("a.csv", "a.csv, features: '*'"),
     "field sources.orders.features", "`features` belongs to profiles"),
    ("attributes-elsewhere", TINY.replace("a.csv", "a.csv, attributes: [a]"),
     "field sources.orders.attributes", "`attributes` belongs to customers"),
    ("profiles-without-features", TELCO.replace('    features: "*"\n', ""),
     "field sources.profiles", "`features` is missing"),
    ("positions-do-not-meet", TELCO.replace("{customer_id: customerID, outcome", "{outcome"),
     "field sources.outcomes", "profiles and outcomes would not meet"),
    ("unknown-source-key", TINY.replace("a.csv", "a.csv, filter: x"),
     "field sources.orders.filter", "unknown key `filter`"),
    ("unknown-target", _with("  churn: {", "  chrun: {"), "line 21, field targets.chrun",
     "did you mean `churn`"),
    ("target-kind", _with("kind: lapse", "kind: lapsed"), "line 21, field targets.churn.kind",
     "did you mean `lapse`"),
    ("target-without-source", _with("kind: lapse", "kind: contract"),
     "line 21, field targets.churn", "needs the source `contracts`"),
    ("target-not-a-mapping", TINY + "targets: {churn: lapse}\n", "line 4, field targets.churn",
     "a single value where a mapping belongs"),
    ("horizon-zero", _with("horizon_days: 90", "horizon_days: 0"),
     "line 21, field targets.churn.horizon_days", "a whole number from 1"),
    ("horizon-words", _with("horizon_days: 90", "horizon_days: 90d"),
     "line 21, field targets.churn.horizon_days", "a whole number from 1"),
    ("lead-negative", _with("lead_days: 0", "lead_days: -1"),
     "line 21, field targets.churn.lead_days", "a whole number from 0"),
    ("grace-of-a-lapse", _with("lead_days: 0", "grace_days: 3"),
     "line 21, field targets.churn.grace_days", "a target of kind lapse has no grace"),
    ("complaint-kind-unknown", _with("kinds: [complaint]", "kinds: [complaints]"),
     "line 22, field targets.complaint.kinds[0]", "did you mean `complaint`"),
    ("outcome-never-named", TELCO.replace("churn: {", "complaint: {kind: outcomes, "),
     "field targets.complaint", "no outcome is `complaint`"),
    ("every-unknown", _with("every: 1mo", "every: monthly"), "line 23, field snapshots.every",
     "7d, 2w, 1mo"),
    ("first-not-a-day", _with("2010-06-01", "2010-06"), "line 23, field snapshots.first",
     "a day such as 2026-03-10"),
    ("first-impossible", _with("2010-06-01", "2010-02-30"), "line 23, field snapshots.first",
     "a day such as 2026-03-10"),
    ("last-before-first", _with("2010-06-01}", "2010-06-01, last: 2010-01-01}"),
     "line 23, field snapshots", "`last` lies before `first`"),
    ("test-dates-unsorted", _with("2011-03-10, 2011-06-10", "2011-06-10, 2011-03-10"),
     "line 24, field evaluation.test_as_of[1]", "oldest first"),
    ("test-date-twice", _with("2011-03-10, 2011-06-10", "2011-03-10, 2011-03-10"),
     "line 24, field evaluation.test_as_of[1]", "given twice"),
    ("own-name-illegal", _with("gifts_count_365d", "Gifts-365"), "line 26, field features[0].name",
     "lower-case letters"),
    ("own-name-twice", SHOP + "  - {name: gifts_count_365d, table: orders, aggregate: count}\n",
     "line 33, field features[1].name", "already declared on line 26"),
    ("own-table-unmapped", _with("table: orders", "table: contracts"),
     "line 27, field features[0].table", "`contracts` is not mapped"),
    ("own-where-column", _with("category LIKE", "categry LIKE"),
     "line 28, field features[0].where", "did you mean `category`"),
    ("own-aggregate", _with("aggregate: count", "aggregate: median"),
     "line 29, field features[0].aggregate", "one of count, sum"),
    ("own-sum-of-nothing", _with("aggregate: count", "aggregate: sum"),
     "line 26, field features[0]", "`column` is missing"),
    ("own-sum-of-text", _with("aggregate: count", "aggregate: sum\n    column: category"),
     "line 30, field features[0].column", "`category` is not known here"),
    ("own-count-of-column", _with("aggregate: count", "aggregate: count\n    column: amount"),
     "line 30, field features[0].column", "`count` counts rows"),
    ("own-window-zero", _with("window_days: 365", "window_days: 0"),
     "line 30, field features[0].window_days", "a whole number from 1"),
    ("own-says-language", _with('{en: "Gifts', '{fr: "Cadeaux", en: "Gifts'),
     "line 32, field features[0].says.fr", "unknown key `fr`"),
    ("own-features-a-mapping", TINY + "features: {a: b}\n", "line 4, field features",
     "a mapping (`key: value`) where a list belongs"),
    ("present-not-a-time", TINY + "data_until: yesterday\n", "line 4, field data_until",
     "cannot be used"),
    ("quarantine-over-one", TINY + "quarantine_limit: 5\n", "line 4, field quarantine_limit",
     "a share from 0 to 1"),
    ("ledger-kept-too-short", TINY + "ledger: {keep: 30d}\n", "line 4, field ledger.keep",
     "`30d` cannot be used"),
    ("promotion-unknown", TINY + "promotion: manual\n", "line 4, field promotion",
     "one of automatic, second_person"),
    ("protected-a-mapping", TINY + "protected: {a: b}\n", "line 4, field protected",
     "a mapping where a list belongs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "words"), [pytest.param(*rest, id=name) for name, *rest in BROKEN]
)
def test_a_broken_file_is_told_once_with_its_place(tmp_path, text, place, words):
    """Each fault gives one message: the place, what was expected, what to do."""
    found = faults_of(tmp_path, text)
    assert len(found) == 1, [str(fault) for fault in found]
    assert place in found[0].where
    assert found[0].where.startswith("forestay.yaml")
    assert words in str(found[0])
    assert isinstance(found[0], BadInput)
    assert "None" not in str(found[0])


def test_ten_faults_come_at_once(tmp_path):
    """Ten faults in ten places are ten messages of one run."""
    text = """\
name: a b
currency: euro
time_zone: Europe/Pariss
language: fr
sources:
  orders:
    uri: a.csv
    colour: red
    columns: {customer_id: c, ordered_at: "now()", amonut: x}
targets: {churn: {horizon_days: none}}
quarantine_limit: 120%
data_until: now
"""
    found = faults_of(tmp_path, text)
    fields = {fault.where.split("field ")[1] for fault in found}
    assert fields == {
        "name",
        "currency",
        "time_zone",
        "language",
        "sources.orders.colour",
        "data_until",
        "sources.orders.columns.ordered_at",
        "sources.orders.columns.amonut",
        "targets.churn.horizon_days",
        "quarantine_limit",
    }
    assert len(found) == 10


def test_without_a_file_the_remedy_is_init(tmp_path):
    """Where there is no forestay.yaml, the message says how to get one."""
    with pytest.raises(NotReady, match="forestay init FILE"):
        load_workspace(tmp_path)


def test_a_file_that_is_not_text_is_told(tmp_path):
    """A file in another encoding is a readable fault."""
    (tmp_path / "forestay.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    with pytest.raises(BadInput, match="not UTF-8"):
        load_workspace(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    """Files saved by Windows editors load."""
    (tmp_path / "forestay.yaml").write_bytes(b"\xef\xbb\xbf" + TINY.encode())
    assert load_workspace(tmp_path).name == "tiny"


def test_variables_are_filled_in_only_when_used(tmp_path, monkeypatch):
    """Loading needs no variable; a missing one is named when its uri is opened."""
    monkeypatch.delenv("FORESTAY_DATA", raising=False)
    shop = load(tmp_path, SHOP)
    uri = shop.sources["orders"][0].uri[0]
    with pytest.raises(BadInput, match="no `FORESTAY_DATA`"):
        resolve_uri(uri, shop)
    monkeypatch.setenv("FORESTAY_DATA", "/somewhere")
    assert resolve_uri(uri, shop) == "/somewhere/online_retail_2/*.parquet"


@pytest.mark.parametrize(
    ("uri", "opened"),
    [
        pytest.param("data/*.csv", "{here}/data/*.csv", id="relative-to-the-workspace"),
        pytest.param("/data/a.csv", "/data/a.csv", id="absolute"),
        pytest.param("file:///data/a.csv", "/data/a.csv", id="file-url"),
        pytest.param("duckdb://shop.db", "duckdb://{here}/shop.db", id="duckdb-relative"),
        pytest.param("duckdb:///data/shop.db", "duckdb:///data/shop.db", id="duckdb-absolute"),
        pytest.param("postgresql://${DB}/shop", "postgresql://me:pw@host/shop", id="postgresql"),
    ],
)
def test_uris_resolve(tmp_path, monkeypatch, uri, opened):
    """Paths start at the workspace's folder, databases keep their form."""
    monkeypatch.setenv("DB", "me:pw@host")
    assert resolve_uri(uri, load(tmp_path, TINY)) == opened.format(here=tmp_path.resolve())


def test_a_uri_is_never_shown(tmp_path):
    """A password written into a uri appears neither in the records' text nor in a message."""
    text = TINY.replace("a.csv", "'postgresql://me:hunter2@host/shop'")
    assert "hunter2" not in str(faults_of(tmp_path, text)[0])
    assert "hunter2" not in repr(load(tmp_path, text.replace("columns", "table: t, columns")))


def test_mlflow_keeps_its_runs_in_the_workspace_unless_told(tmp_path, monkeypatch):
    """MLFLOW_TRACKING_URI wins; without it the store is SQLite under mlruns/."""
    workspace = load(tmp_path, TINY)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert mlflow_tracking_uri(workspace) == f"sqlite:///{tmp_path.resolve()}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert mlflow_tracking_uri(workspace) == "http://tracking:5000"


def test_every_process_is_alike(monkeypatch):
    """Time zone, idle threads and telemetry are ours to set, whatever they were."""
    for name in ("TZ", "OMP_WAIT_POLICY", "BENTOML_DO_NOT_TRACK"):
        monkeypatch.setenv(name, "otherwise")
    prepare_process()
    assert os.environ["TZ"] == "UTC"
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["BENTOML_DO_NOT_TRACK"] == "True"


def test_every_setting_explains_itself():
    """Each setting has a unit and one sentence of help, and names are used once."""
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.unit
        assert setting.help.endswith(".")


def test_reading_settings_loads_no_heavy_library():
    """Start-up stays quick: pandas, Ibis and the like are not imported by the settings."""
    code = (
        "import sys; import features.settings;"
        "print(*[m for m in ('pyarrow', 'pandas', 'ibis', 'duckdb', 'mlflow', 'feast')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


_SLIPS = st.sampled_from(
    [
        *"{}[]:,'\"-#&*!|>%@`?\t\n $.0x",
        "null",
        "- ",
        ": ",
        "{}",
        "[]",
        "now()",
        "9" * 40,
        "é",
        "\x85",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SHOP)), st.integers(0, 12), _SLIPS), max_size=4))
def test_for_any_slip_of_the_keyboard_the_file_loads_or_says_why(slips):
    """Cutting and inserting characters anywhere never gives anything but a message."""
    text = SHOP
    for place, cut, inserted in slips:
        text = text[:place] + inserted + text[place + cut :]
    place = "forestay.yaml"
    with tempfile.TemporaryDirectory() as folder:
        try:
            load(Path(folder), text)
        except ForestayError as error:
            place = error.where
    assert place.startswith("forestay.yaml")


def test_an_mlflow_server_that_is_away_is_not_asked_for_minutes():
    """Seven tries, MLflow's own choice, leave a command silent for four minutes."""
    found = {s.name: s for s in SETTINGS}["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    assert found.ours
    assert int(found.default) <= 3
