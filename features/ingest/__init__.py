"""Files and databases to accepted rows and quarantine, with counts that add up.

Reading order: `run` (the whole way), `stage` (one source: `stream`, `mapping`, `readings`,
`conversions`, `staged_rows`), `fates`, `aliases`, `finish`, `content`, `publish`, `report`.
"""

from features.ingest.report import IngestReport, SourceReport
from features.ingest.run import ingest, inspect

__all__ = ["IngestReport", "SourceReport", "ingest", "inspect"]
