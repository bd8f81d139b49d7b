"""What corrected contracts once said: features of price and plan read it, so staleness must, too.

`features/fingerprint.py` sums what is visible before a date. A version of a contract that was
superseded before the date is not, but changes of price and plan are seen against it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from features.accepted import Accepted, read_bucket
from features.fingerprint import CONTENT_HASH, digest

_COLUMNS = ("starts_at", "known_at", "superseded_at", CONTENT_HASH)


def history_fingerprints(accepted: Accepted, as_ofs: Sequence[datetime]) -> dict[datetime, str]:
    """Fingerprint the versions of contracts that were superseded before each date.

    Parameters
    ----------
    as_ofs : aware instants; rows at or after one do not count for it.
    """
    totals = dict.fromkeys(as_ofs, 0)
    if "contracts" not in accepted.tables or not as_ofs:
        return dict.fromkeys(as_ofs, "")
    sums = ", ".join(_sum_before(as_of) for as_of in as_ofs)
    for bucket in range(accepted.buckets):
        with duckdb.connect(config={"threads": "1"}) as connection:
            connection.register(
                "contracts", read_bucket(accepted, "contracts", bucket, columns=_COLUMNS)
            )
            found = connection.execute(f"SELECT {sums} FROM contracts").fetchone() or ()
        for as_of, added in zip(as_ofs, found, strict=True):
            totals[as_of] += int(added or 0)
    return {as_of: digest(total) for as_of, total in totals.items()}


def _sum_before(as_of: datetime) -> str:
    at = f"TIMESTAMP '{as_of.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"
    version = f"md5_number_lower(concat({CONTENT_HASH}, ':', epoch_us(superseded_at)))"
    return f"sum({version}) FILTER (starts_at < {at} AND known_at < {at} AND superseded_at < {at})"
