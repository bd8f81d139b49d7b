"""Forms in which texts and numbers hold times and amounts, and the SQL that reads each."""

from features.proposal.columns import split_words, text_literal

#: Forms of times in text; "" is what DuckDB casts by itself. The first that fits best is taken.
TIME_FORMS = (
    "",
    *(
        f"{day}{clock}"
        for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d")
        for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
    ),
)
_CLOCK_WORDS = frozenset(
    {"timestamp", "ts", "time", "epoch", "date", "day", "at", "on", "datetime"}
)
EPOCH_S, EPOCH_MS, SPELT_DAY = "seconds", "milliseconds", "yyyymmdd"
_NUMBER_SHAPES = {
    "comma": "-?[0-9.]+(,[0-9]+)?",
    "symbol": "[$€£¥ ]*-?[0-9][0-9,]*([.][0-9]+)?[$€£¥ ]*",
}
NUMBER_FORMS = {
    "plain": "TRY_CAST({x} AS DOUBLE)",
    "comma": "TRY_CAST(replace(replace({x}, '.', ''), ',', '.') AS DOUBLE)",
    "symbol": "TRY_CAST(regexp_replace({x}, '[^0-9.-]', '', 'g') AS DOUBLE)",
}


def time_of(text: str, form: str) -> str:
    """Write the SQL that tries to read a text as a time of some form."""
    if form:
        return f"try_strptime({text}, {text_literal(form)})"
    # A bare number is no date, though DuckDB would refuse it anyway; a bare year is none either.
    return f"CASE WHEN {text} LIKE '____-%-%' THEN TRY_CAST({text} AS TIMESTAMP) END"


def number_of(text: str, form: str) -> str:
    """Write the SQL that reads a text as a number of some form; null where it is none."""
    sql, shape = NUMBER_FORMS[form].format(x=text), _NUMBER_SHAPES.get(form)
    return (
        f"CASE WHEN regexp_full_match({text}, {text_literal(shape)}) THEN {sql} END"
        if shape
        else sql
    )


def epoch_form(name: str, lowest: float | None, highest: float | None) -> str | None:
    """Tell numbers that count seconds or milliseconds, or spell a day, by name and range."""
    if lowest is None or highest is None or not _CLOCK_WORDS & set(split_words(name)):
        return None
    ranges = {EPOCH_S: (3e8, 4e9), EPOCH_MS: (3e11, 4e12), SPELT_DAY: (19000101, 21001231)}
    return next((f for f, (low, high) in ranges.items() if low <= lowest and highest <= high), None)
