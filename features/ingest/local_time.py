"""Local clock times to instants, and back, as SQL: one definition for the whole of ingest.

An ambiguous autumn hour takes the earlier instant; a missing spring hour has none, unless it is the
midnight a date stands for, which is then the first instant of that day. DuckDB's own `timezone`
takes the later instant and invents one for missing hours (checked by a test), so the answer is
made from two candidates, each proven by going back.
"""

from features.sql_words import literal

EARLIEST_YEAR = 1900


def instant(naive: str, zone: str, is_date: str) -> str:
    """Return SQL for the instant at which clocks of `zone` showed `naive`.

    Parameters
    ----------
    naive : SQL of a TIMESTAMP without time zone, null where there is none.
    zone : IANA name.
    is_date : SQL of a flag: the value is a date and means its midnight.
    """
    if zone.upper() in ("UTC", "ETC/UTC"):
        return f"timezone('UTC', {naive})"
    name = literal(zone)
    # The offset of the day before is the earlier one whenever the clocks went back today.
    earlier = f"(timezone({name}, {naive} - INTERVAL 1 DAY) + INTERVAL 1 DAY)"
    plain = f"timezone({name}, {naive})"
    return (
        f"CASE WHEN timezone({name}, {earlier}) = {naive} THEN {earlier}"
        f" WHEN timezone({name}, {plain}) = {naive} THEN {plain}"
        f" WHEN {is_date} THEN {earlier} END"
    )


def local_day(instant_sql: str, zone: str) -> str:
    """Return SQL for the calendar day of an instant in `zone`."""
    return f"CAST(timezone({literal(zone)}, {instant_sql}) AS DATE)"
