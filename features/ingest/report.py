"""What an ingest did, in numbers that add up."""

from dataclasses import asdict, dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """One source: what became of every row read.

    ``faults`` counts quarantined rows by their first fault, as in ``ordered_at: not_a_time``.
    ``position_ids`` says that ids were made from file and row: they last only while the file is
    unchanged. ``fresh`` is None where no `fresh_within` is stated. ``erased`` counts rows of people
    who were erased: nothing else looked at them.
    """

    label: str
    table: str
    files: tuple[str, ...]
    read: int
    filtered: int
    accepted: int
    duplicate: int
    superseded: int
    quarantined: int
    faults: dict[str, int]
    types: dict[str, str]
    position_ids: bool
    newest: datetime | None
    fresh: bool | None
    erased: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every row read is accounted for."""
        kept = self.accepted + self.duplicate + self.superseded + self.quarantined
        return self.read == self.filtered + self.erased + kept


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """The whole ingest.

    ``alias_matched`` and ``alias_unmatched`` count aliases that occur, or do not, in other tables;
    ``unknown_customers`` counts ids absent from `customers` (None without that table). ``changed``
    tells whether the accepted data differ from those before.
    """

    sources: tuple[SourceReport, ...]
    alias_matched: int
    alias_unmatched: int
    unknown_customers: int | None
    data_until: datetime
    first_event_at: datetime
    fingerprint: str
    changed: bool
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return the report for `--json`; times as ISO texts."""
        return {k: _plain(v) for k, v in asdict(self).items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
