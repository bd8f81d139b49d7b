"""What an expression may be made of, as data: nodes, operators, functions, types.

`features/expressions.py` refuses whatever is not listed here. To allow a function: it must work on
one row, always give the same answer, and reach nothing outside its arguments; add its name and its
test runs by itself (it must exist in DuckDB and be marked consistent there).
"""

_PLACE = frozenset({"class", "type", "query_location"})

#: Node of DuckDB's tree -> the keys it may carry (a FILTER, a DISTINCT or an ORDER BY is one more).
NODE_KEYS: dict[str, frozenset[str]] = {
    "BETWEEN": _PLACE | {"input", "lower", "upper"},
    "CASE": _PLACE | {"case_checks", "else_expr"},
    "CAST": _PLACE | {"child", "cast_type", "try_cast"},
    "COLUMN_REF": _PLACE | {"column_names"},
    "COMPARISON": _PLACE | {"left", "right"},
    "CONJUNCTION": _PLACE | {"children"},
    "CONSTANT": _PLACE | {"value"},
    "FUNCTION": _PLACE | {"function_name", "schema", "children", "is_operator", "order_bys"},
    "OPERATOR": _PLACE | {"children"},
}

#: Nodes people try, in the words of the message.
REFUSED_NODES = {
    "COLLATE": "COLLATE is",
    "DEFAULT": "DEFAULT is",
    "LAMBDA": "a lambda is",
    "PARAMETER": "a parameter is",
    "POSITIONAL_REFERENCE": "a column by number is",
    "STAR": "`*` is",
    "SUBQUERY": "a query inside the expression is",
    "WINDOW": "a window over other rows is",
}

OPERATORS = frozenset(
    {
        "ARRAY_EXTRACT", "ARRAY_SLICE", "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_COALESCE",
        "OPERATOR_IS_NOT_NULL", "OPERATOR_IS_NULL", "OPERATOR_NOT", "OPERATOR_TRY",
    }
)  # fmt: skip

TYPES = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
        "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "DATE", "TIME",
        "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
        "INTERVAL", "UUID",
    }
)  # fmt: skip

_SYMBOLS = "+ - * / // % ^ ** || ~~ !~~ ~~* !~~* ~~~ ^@ @ & | << >> ->>"
_NUMBERS = """
    abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees even exp floor fmod gamma gcd
    greatest isfinite isinf isnan lcm least lgamma ln log log10 log2 mod nextafter pi pow power
    radians round round_even sign signbit sin sqrt tan trunc fdiv bit_count factorial xor
"""
_TEXTS = """
    ascii bar bit_length chr concat concat_ws contains damerau_levenshtein ends_with format
    hamming instr jaccard jaro_similarity jaro_winkler_similarity lcase left length len
    levenshtein like_escape ilike_escape not_like_escape not_ilike_escape lower lpad ltrim
    nfc_normalize ord parse_filename position prefix printf regexp_escape regexp_extract
    regexp_full_match regexp_matches regexp_replace replace reverse right rpad rtrim split
    split_part starts_with str_split string_split strip_accents strlen strpos substr substring
    suffix translate trim ucase unicode upper url_decode char_length character_length
"""
_TIMES = """
    century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc
    day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns
    epoch_us era hour isodow isoyear julian last_day make_date make_time make_timestamp
    make_timestamp_ms make_timestamptz microsecond millisecond minute month monthname quarter
    second strftime strptime time_bucket timezone timezone_hour timezone_minute to_days to_hours
    to_microseconds to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp
    to_weeks to_years try_strptime week weekday weekofyear year yearweek
"""
_OTHERS = """
    nullif hash md5 md5_number md5_number_lower md5_number_upper sha1 sha256 hex from_hex
    list_value list_contains list_extract list_element array_extract json_extract_string
    struct_extract
"""
FUNCTIONS = frozenset(f"{_SYMBOLS} {_NUMBERS} {_TEXTS} {_TIMES} {_OTHERS}".split())

_VOLATILE = """
    age ago current_catalog current_connection_id current_database current_date current_localtime
    current_localtimestamp current_query current_role current_schema current_setting current_time
    current_timestamp current_user gen_random_uuid get_current_time get_current_timestamp localtime
    localtimestamp nextval now random session_user setseed today transaction_timestamp user uuid
    uuidv4 uuidv7 rowid
    """
#: Names whose answer changes between two runs; DuckDB reads some of them as columns.
VOLATILE = frozenset(_VOLATILE.split())
