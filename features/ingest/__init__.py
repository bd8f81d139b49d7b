"""Files and databases to accepted rows and quarantine, with counts that add up.

Reading order: `run` (the whole way), `stage` (one source: `stream`, `mapping`, `readings`,
`conversions`, `staged_rows`), `fates`, `aliases`, `finish`, `content`, `publish`, `report`; then
`take_outcomes`, which keeps a file (`outcome_copy`) and ingests with it.
"""

from features.ingest.report import IngestReport, SourceReport
from features.ingest.run import ingest, inspect
from features.ingest.take_outcomes import OutcomesReport, take_outcomes

__all__ = [
    "IngestReport",
    "OutcomesReport",
    "SourceReport",
    "ingest",
    "inspect",
    "take_outcomes",
]
