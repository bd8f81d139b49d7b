"""Numbers as people write them, whole columns at once."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: From here on cents are left out of amounts.
_ROUND_AMOUNT = 100
_GROUP = 1000


def whole(numbers: np.ndarray) -> pa.Array:
    """Write rounded numbers with commas between thousands.

    Examples
    --------
    >>> whole(np.array([0.5, 94.4, 1204, -1e6])).to_pylist()
    ['1', '94', '1,204', '-1,000,000']
    """
    rounded = _rounded(numbers)
    sign = pc.if_else(pa.array(rounded < 0), "-", "")
    return pc.binary_join_element_wise(sign, _grouped(np.abs(rounded)), "")


def one_decimal(numbers: np.ndarray) -> pa.Array:
    """Write numbers with one decimal, and without where it is nought.

    Examples
    --------
    >>> one_decimal(np.array([2.54, 3.0, -0.26])).to_pylist()
    ['2.5', '3', '-0.3']
    """
    return _with_decimals(numbers, 1, trim=True)


def amount(numbers: np.ndarray, currency: str | None) -> pa.Array:
    """Write amounts of money, with cents only where they are small and have any.

    Examples
    --------
    >>> amount(np.array([1203.7, 9.5, 20.0]), "EUR").to_pylist()
    ['1,204 EUR', '9.50 EUR', '20 EUR']
    """
    small = np.abs(numbers) < _ROUND_AMOUNT
    cents = _with_decimals(np.where(small, numbers, 0.0), 2, trim=False)
    with_cents = pa.array(small & (_rounded(numbers * 100) % 100 != 0))
    exact = pc.if_else(with_cents, cents, whole(numbers))
    return pc.binary_join_element_wise(exact, currency, " ") if currency else exact


def percent(shares: np.ndarray) -> pa.Array:
    """Write shares as whole percentages.

    Examples
    --------
    >>> percent(np.array([0.054, 1.2])).to_pylist()
    ['5%', '120%']
    """
    return pc.binary_join_element_wise(whole(shares * 100), "%", "")


def as_it_is(column: pa.Array) -> pa.Array:
    """Write a user's own values: text as it is, numbers without needless noughts.

    Examples
    --------
    >>> as_it_is(pa.array([29.85, 3.0, None])).to_pylist()
    ['29.85', '3', None]
    """
    text = column.cast(pa.string())
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return pc.replace_substring_regex(text, r"(\.\d*?)0+$|\.$", r"\1").cast(pa.string())
    return text


def with_word(numbers: np.ndarray, one: str, many: str) -> pa.Array:
    """Write rounded numbers with their word, in the singular for one.

    Examples
    --------
    >>> with_word(np.array([1.2, 2.0]), "day", "days").to_pylist()
    ['1 day', '2 days']
    """
    words = pc.if_else(pa.array(np.abs(_rounded(numbers)) == 1), one, many)
    return pc.binary_join_element_wise(whole(numbers), words, " ")


def _rounded(numbers: np.ndarray) -> np.ndarray:
    return np.floor(np.asarray(numbers, dtype=float) + 0.5).astype(np.int64)


def _grouped(numbers: np.ndarray) -> pa.Array:
    text = pa.array(numbers).cast(pa.string())
    large = numbers >= _GROUP
    if not large.any():
        return text
    rest = pc.utf8_lpad(pa.array(numbers % _GROUP).cast(pa.string()), 3, "0")
    grouped = pc.binary_join_element_wise(_grouped(numbers // _GROUP), rest, ",")
    return pc.if_else(pa.array(large), grouped, text)


def _with_decimals(numbers: np.ndarray, decimals: int, *, trim: bool) -> pa.Array:
    scaled = _rounded(np.abs(numbers) * 10**decimals)
    sign = pc.if_else(pa.array((numbers < 0) & (scaled > 0)), "-", "")
    digits = pc.utf8_lpad(pa.array(scaled % 10**decimals).cast(pa.string()), decimals, "0")
    before = _grouped(scaled // 10**decimals)
    text = pc.binary_join_element_wise(before, digits, ".")
    if trim:
        text = pc.if_else(pa.array(scaled % 10**decimals == 0), before, text)
    return pc.binary_join_element_wise(sign, text, "")
