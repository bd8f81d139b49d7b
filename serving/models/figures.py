# ruff: noqa: RUF001 - a dash as tables print it
"""Numbers of the pages of models: a value with its interval, a dash where there is none."""

from collections.abc import Mapping

DASH = "–"


def number(value: float | None, digits: int) -> str:
    """Write a number."""
    return DASH if value is None else f"{value:.{digits}f}"


def with_interval(one: Mapping[str, float | None], digits: int = 4) -> str:
    """Write `value`, `low` and `high`."""
    if one["value"] is None:
        return DASH
    value, low, high = (number(one[end], digits) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def signed(one: Mapping[str, float | None]) -> str:
    """Write a difference with its interval."""
    value, low, high = one["value"], one["low"], one["high"]
    if value is None or low is None or high is None:
        return DASH
    return f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
