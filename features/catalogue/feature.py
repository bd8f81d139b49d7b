"""One feature as a record: what it is called, what it means, and the one expression that makes it.

The record builds its own name from what it measures, so no name can lie about its window.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis

    from features.catalogue.moment import Moment

View = Literal["rfm", "interactions", "contracts", "outreach", "profile"]
#: What a feature aggregates; `row` features are made from the features before them.
Source = Literal[
    "orders", "lines", "interactions", "contracts", "contacts", "profiles", "customers", "row"
]
Expression = Callable[["Moment"], "ibis.Value"]

#: Rolling windows in exact days of 24 hours; None is the lifetime.
WINDOWS = (7, 30, 90, 180, 365)
VIEWS: tuple[View, ...] = ("rfm", "interactions", "contracts", "outreach", "profile")
#: Groups in which reasons are worded (`training/reasons`).
REASONS = (
    "RECENCY", "FREQUENCY", "SPEND", "TREND", "TENURE", "ASSORTMENT", "RETURNS", "COMPLAINTS",
    "CONTACTS", "FAILURES", "USAGE", "WAITING", "OPEN_CASES", "SATISFACTION", "CONTRACT", "PRICE",
    "OUTREACH", "PROFILE",
)  # fmt: skip
#: Units that are said in the name; of the others the name's first words say enough.
_SPOKEN_UNITS = ("days", "hours", "minutes")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column of a snapshot.

    Attributes
    ----------
    what, statistic : first words of the name, as in ``amount`` and ``total``.
    unit : days, hours, minutes, count, currency, share (0 to 1), rate, ratio, level or text.
    window_days : it looks at ``[as_of - window_days x 24 h, as_of)``; None: the lifetime.
    view : the feature view it belongs to.
    source : the rows it aggregates.
    needs : columns of the contract that must be mapped; for `row` features, other features.
    expression : one expression over the rows visible at `as_of`.
    absent : value for a customer without any row of the source: 0 for counts, None otherwise.
    says : the sentence that explains it, by language.
    lowest, highest : allowed range, checked after each computation.
    reason : group in which its contribution is worded.
    model : False where no model may read it.
    listed : False for an ingredient of other features that is left out of snapshots.
    given_name : the user's own name for a column of theirs; nothing is built then.
    """

    what: str = ""
    statistic: str = ""
    unit: str
    window_days: int | None = None
    view: View
    source: Source
    needs: tuple[str, ...] = ()
    expression: Expression
    absent: float | None = None
    says: Mapping[str, str]
    lowest: float | None = None
    highest: float | None = None
    dtype: Literal["number", "text"] = "number"
    reason: str
    model: bool = True
    listed: bool = True
    given_name: str = ""

    @property
    def name(self) -> str:
        """Name by rule, ``<what>_<statistic>_<unit>_<window>`` without the obvious."""
        if self.given_name:
            return self.given_name
        unit = self.unit if self.unit in _SPOKEN_UNITS else ""
        window = f"{self.window_days}d" if self.window_days else ""
        return "_".join(word for word in (self.what, self.statistic, unit, window) if word)


def since(window_days: int | None) -> tuple[str, str]:
    """Say a window in English and Chinese, for sentences.

    Examples
    --------
    >>> since(90)
    ('in the last 90 days', '最近90天')
    >>> since(None)
    ('ever', '至今')
    """
    if window_days is None:
        return "ever", "至今"
    return f"in the last {window_days} days", f"最近{window_days}天"
