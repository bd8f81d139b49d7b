"""Expressions: what a mapping may compute, and every way out of it that is closed."""

import subprocess
import sys
import time

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.allowed_sql import FUNCTIONS, VOLATILE
from features.errors import BadInput
from features.expressions import check_expression, columns_used, text_constant

COLUMNS = ("a", "b", "Customer ID", "category.1", "t", "s")

HARMLESS = [
    "a",
    "A",
    '"Customer ID"',
    '"category.1"',
    "'complaint'",
    "1",
    "-1.5",
    "NULL",
    "TRUE",
    "a * b + 1",
    "a // 2 % 3",
    "(a - b) / nullif(b, 0)",
    "a > 0 AND b IS NOT NULL OR NOT (a = b)",
    "a IS DISTINCT FROM b",
    "a BETWEEN 1 AND 2",
    "a NOT IN (1, 2, 3)",
    "s NOT LIKE 'C%'",
    "s ILIKE '%--%'",
    "s SIMILAR TO 'a+'",
    "CASE WHEN a > 1 THEN 'x' WHEN b > 2 THEN 'y' ELSE 'z' END",
    "CASE a WHEN 1 THEN 2 END",
    "if(a > 1, b, 0)",
    "CAST(s AS DOUBLE)",
    "TRY_CAST(trim(s) AS DECIMAL(18, 2))",
    "s::TIMESTAMP",
    "DATE '2020-01-01'",
    "TIMESTAMP '2020-01-01 10:00:00'",
    "t + INTERVAL 3 DAY",
    "t - INTERVAL '1 hour'",
    "strptime(s, '%d/%m/%Y %H:%M')",
    "try_strptime(nullif(s, '?'), ['%d/%m/%Y', '%Y-%m-%d'])",
    "date_trunc('month', t)",
    "date_diff('day', t, t)",
    "extract(year FROM t)",
    "t AT TIME ZONE 'Europe/London'",
    "make_date(2020, 1, 2)",
    "to_timestamp(a)",
    "coalesce(a, b, 0)",
    "greatest(a, b)",
    "regexp_extract(s, '([A-Z]+)', 1)",
    "regexp_replace(s, '[^0-9]', '', 'g')",
    "s || '-' || a",
    "concat_ws('-', s, a)",
    "substring(s FROM 1 FOR 3)",
    "trim(BOTH ' ' FROM s)",
    "s[1:3]",
    "md5(s)",
    "hash(s)",
    "'it''s; a -- text /* with */ $1 ?'",
    '"Customer ID"\n  + 1',
]
ATTACKS = [
    ("select", "(SELECT 1)"),
    ("select-of-file", "(SELECT max(content) FROM read_text('/etc/passwd'))"),
    ("exists", "EXISTS (SELECT 1)"),
    ("in-select", "a IN (SELECT b)"),
    ("any-select", "a = ANY (SELECT 1)"),
    ("any-list", "a = ANY ([1, 2])"),
    ("union", "a UNION SELECT 1"),
    ("from", "a FROM 'secrets.csv'"),
    ("from-function", "a FROM read_csv('/etc/passwd')"),
    ("where", "a WHERE 1 = 1"),
    ("order", "a ORDER BY b"),
    ("limit", "a LIMIT 1"),
    ("qualify", "a QUALIFY 1"),
    ("sample", "a USING SAMPLE 1"),
    ("distinct", "DISTINCT a"),
    ("distinct-inside", "concat(DISTINCT a)"),
    ("all", "ALL a"),
    ("two-expressions", "a, b"),
    ("alias", "a AS b"),
    ("bare-alias", "a b"),
    ("named-argument", "struct_extract(a := 1)"),
    ("second-statement", "a; DROP TABLE x"),
    ("trailing-semicolon", "a;"),
    ("line-comment", "a -- , b"),
    ("block-comment", "a /* b */"),
    ("nested-comment", "a /* /* b */ */"),
    ("comment-only", "-- a"),
    ("closes-the-parenthesis", "a) FROM read_csv('x') t(a"),
    ("parenthesis-dance", "a) + (b"),
    ("escape-string", "E'\\'' || getenv('HOME') || '"),
    ("dollar-string", "$$ -- $$"),
    ("parameter", "?"),
    ("numbered-parameter", "$1"),
    ("nul", "a\x00b"),
    ("star", "*"),
    ("columns-star", "COLUMNS(*)"),
    ("columns-regex", "COLUMNS('a.*')"),
    ("column-number", "#1"),
    ("aggregate", "sum(a)"),
    ("count-star", "count(*)"),
    ("aggregate-filter", "max(a) FILTER (WHERE b > 1)"),
    ("window", "sum(a) OVER ()"),
    ("row-number", "row_number() OVER (ORDER BY a)"),
    ("lambda-arrow", "list_filter([1], x -> x > 1)"),
    ("lambda-python", "list_filter([1], lambda x: x > 1)"),
    ("comprehension", "[x FOR x IN [1, 2]]"),
    ("unnest", "unnest([1, 2])"),
    ("range", "range(1000000000)"),
    ("repeat", "repeat('a', 1000000000)"),
    ("read-csv", "read_csv('/etc/passwd')"),
    ("read-text", "read_text('/etc/passwd')"),
    ("read-blob", "read_blob('/etc/passwd')"),
    ("glob", "glob('/etc/*')"),
    ("getenv", "getenv('HOME')"),
    ("getenv-quoted", "\"getenv\"('HOME')"),
    ("getenv-schema", "main.getenv('HOME')"),
    ("other-schema", "pg_catalog.upper(s)"),
    ("method-call", "s.getenv()"),
    ("setting", "current_setting('home_directory')"),
    ("pragma", "PRAGMA version"),
    ("attach", "ATTACH 'x.db'"),
    ("copy", "COPY x TO 'y'"),
    ("set", "SET threads = 1"),
    ("sequence", "nextval('s')"),
    ("variable", "getvariable('x')"),
    ("query", "query('SELECT 1')"),
    ("sleep", "sleep_ms(10000)"),
    ("write-log", "write_log('x')"),
    ("error", "error('x')"),
    ("random", "random()"),
    ("uuid", "uuid()"),
    ("now", "now()"),
    ("today", "today()"),
    ("age", "age(t)"),
    ("current-date", "current_date"),
    ("current-timestamp", "current_timestamp"),
    ("current-user", "current_user"),
    ("rowid", "rowid"),
    ("unknown-type", "a::regclass"),
    ("enum-type", "s::ENUM('a', 'b')"),
    ("schema-type", "a::main.integer"),
    ("collate", "s COLLATE nocase"),
    ("default", "DEFAULT"),
    ("empty", ""),
    ("blank", " \n "),
    ("open-quote", "'abc"),
    ("open-parenthesis", "(a"),
    ("deep", "- " * 600 + "a"),
    ("deeper", "upper(" * 1500 + "s" + ")" * 1500),
    ("long", "a + " * 5000 + "a"),
]


@pytest.fixture(scope="module")
def table():
    """Hold a tiny table with the columns of the tests, in a database of its own."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        """CREATE TABLE source AS SELECT 1 AS a, 2.5 AS b, 7 AS "Customer ID", 'x' AS "category.1",
        TIMESTAMP '2020-01-02 03:04:05' AS t, '01/02/2020 10:00' AS s"""
    )
    yield connection
    connection.close()


@pytest.mark.parametrize("sql", HARMLESS)
def test_a_harmless_expression_passes_and_runs(table, sql):
    """What passes is one expression, which DuckDB reads as a part of a larger statement."""
    check_expression(sql, columns=COLUMNS, where="test")
    if sql not in {"CAST(s AS DOUBLE)", "s::TIMESTAMP"}:  # the tiny table's text is no number
        rows = table.execute(f"SELECT ({sql}) AS x, 1 AS y FROM source").fetchall()
        assert len(rows) == 1
        assert rows[0][1] == 1


@pytest.mark.parametrize(("name", "sql"), ATTACKS, ids=[name for name, _ in ATTACKS])
def test_an_attack_is_refused(name, sql):
    """Everything but one harmless expression is a readable fault with its place."""
    with pytest.raises(BadInput) as caught:
        check_expression(sql, columns=None, where="forestay.yaml, line 3")
    assert caught.value.where == "forestay.yaml, line 3"
    assert "Traceback" not in str(caught.value)


def test_an_attack_list_is_long():
    """The list of attacks is not thinned out by accident."""
    assert len(ATTACKS) >= 80


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        pytest.param("Prize * 2", "no column `Prize` (did you mean `Price`?)", id="column"),
        pytest.param("lowr(Price)", "`lowr` is not allowed (did you mean `lower`", id="function"),
        pytest.param("Price::DOUBEL", "`DOUBEL` is not known here (did you mean", id="type"),
        pytest.param("Price + )", 'syntax error at or near ")" (character 9)', id="syntax"),
        pytest.param("complaint", "a text stands in single quotes", id="forgotten-quotes"),
    ],
)
def test_a_fault_names_the_nearest_and_the_place(sql, words):
    """The message says what was probably meant."""
    with pytest.raises(BadInput) as caught:
        check_expression(sql, columns=["Quantity", "Price"], where="w")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "name"),
    [("at", "at"), ("Price * order", "order"), ("lower(from)", "from"), ("Customer ID", None)],
)
def test_an_unquoted_word_of_sql_is_told_to_be_quoted(sql, name):
    """A column named like a word of SQL, or with a space, is the usual cause of a syntax error."""
    with pytest.raises(BadInput) as caught:
        check_expression(sql, columns=None, where="w")
    assert f"if `{name or sql}` is a column, write it in double quotes" in caught.value.remedy
    check_expression(sql.replace(name or sql, f'"{name or sql}"'), columns=None, where="w")


def test_a_column_may_bear_a_forbidden_name():
    """A source's own column called `user` or `current_date` can be used."""
    check_expression('"user" || "current_date"', columns=["user", "current_date"], where="w")


def test_structs_of_json_lines_can_be_entered():
    """A field of a structured column is reached by its point; an unknown column is not."""
    check_expression("address.city", columns=["address"], where="w")
    with pytest.raises(BadInput, match="no column `source`"):
        check_expression("source.city", columns=["address"], where="w")


def test_columns_used_are_those_named():
    """Every column of an expression is told once, as written."""
    assert columns_used("CASE WHEN a > B THEN upper(\"Customer ID\") ELSE 'a' END || a") == {
        "a",
        "B",
        "Customer ID",
    }
    assert columns_used("DATE '2020-01-01'") == frozenset()


def test_only_a_plain_text_is_a_text_constant():
    """Numbers, columns and computed texts are not."""
    assert text_constant("'churn'") == "churn"
    assert [text_constant(sql) for sql in ("1", "a", "'a' || 'b'", "NULL")] == [None] * 4


def test_every_allowed_function_exists_and_repeats():
    """DuckDB has each function as a scalar whose answer depends on its arguments alone."""
    rows = duckdb.execute(
        """SELECT function_name, list(DISTINCT function_type), list(DISTINCT stability)
        FROM duckdb_functions() GROUP BY ALL"""
    ).fetchall()
    known = {name: (set(kinds), set(stability)) for name, kinds, stability in rows}
    for name in FUNCTIONS:
        assert name in known, name
        kinds, stability = known[name]
        assert kinds <= {"scalar", "macro"}, (name, kinds)
        assert stability <= {"CONSISTENT", None}, (name, stability)
    assert not FUNCTIONS & VOLATILE


def test_every_volatile_function_of_duckdb_is_refused():
    """What DuckDB itself marks as changing is on no list of ours."""
    rows = duckdb.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability != 'CONSISTENT'"
    ).fetchall()
    assert not FUNCTIONS & {name for (name,) in rows}


def test_every_function_of_duckdb_that_is_not_listed_is_refused():
    """Table functions, aggregates and the rest are refused by name."""
    rows = duckdb.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    others = {name for (name,) in rows if name[0].isalpha()} - FUNCTIONS - {"if", "coalesce"}
    passed = []
    for name in sorted(others):
        try:
            check_expression(f'"{name}"(a)', columns=None, where="w")
        except BadInput:
            continue
        passed.append(name)
    assert passed == []


@pytest.mark.parametrize("name", ["age", "user", "uuid", "today"])
def test_a_column_may_bear_the_name_of_a_changing_function(name):
    """`age: age` maps a column; where the source has none, nothing else is meant by it."""
    check_expression(name, columns=None, where="w")
    check_expression(name, columns=["id", name], where="w")
    with pytest.raises(BadInput, match="results must repeat"):
        check_expression(name, columns=["id"], where="w")


PIECES = st.sampled_from(
    [*"(),;'\"*?$#@[]{}:.=<>|+-/ \n", "--", "/*", "*/", "a", "b", '"Customer ID"', "'x'", "1",
     " SELECT ", " FROM ", " WHERE ", " AND ", " AS ", " OVER ", " CASE WHEN ", " THEN ", " END ",
     " IN ", " NULL", "getenv", "read_csv", "upper(", "sum(", "E'", "$$", "::", "INTERVAL 1 DAY",
     " COLLATE ", " LIMIT ", "lambda x:", "->", "\u00a0", "\\"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30))
def test_for_any_text_what_passes_stays_inside_its_parentheses(sql):
    """Whatever passes is one value a row, wherever it is put; whatever does not is BadInput."""
    try:
        check_expression(sql, columns=COLUMNS, where="w")
    except BadInput:
        return
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.execute(
            'CREATE TABLE source AS SELECT 1 AS a, 2 AS b, 3 AS "Customer ID", 4 AS "category.1",'
            " TIMESTAMP '2020-01-01' AS t, 's' AS s FROM range(3)"
        )
        try:
            found = connection.execute(f"SELECT 'l', ({sql}), 'r' FROM source").fetchall()
        except (duckdb.BinderException, duckdb.ConversionException, duckdb.OutOfRangeException):
            return  # wrong types are told by `check`, with the data at hand
        assert [(row[0], row[2], len(row)) for row in found] == [("l", "r", 3)] * 3


def test_checking_loads_no_pandas():
    """DuckDB imports pandas as soon as a parameter is bound; start-up must not wait for that."""
    code = (
        "import sys; from features.expressions import check_expression;"
        "check_expression('a + 1', columns=['a'], where='w'); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_checking_is_quick():
    """A mapping with a hundred expressions is checked in well under a second."""
    check_expression("a", columns=None, where="w")
    start = time.perf_counter()
    for _ in range(100):
        check_expression("CASE WHEN a > 1 THEN upper(s) END", columns=COLUMNS, where="w")
    assert time.perf_counter() - start < 1
