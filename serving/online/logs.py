"""One JSON line a request: fields that are allowed, and no others; never a value of a body."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

#: Every field a line may have. What is not here is not written, whoever asks for it.
ALLOWED = (
    "time", "event", "request_id", "route", "method", "status", "milliseconds", "caller",
    "customers", "subjects", "degraded", "fault", "as_of", "models", "address",
)  # fmt: skip


def log(event: str, **fields: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write one line to stderr."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    allowed = {name: line[name] for name in ALLOWED if line.get(name) is not None}
    sys.stderr.write(json.dumps(allowed, default=str) + "\n")


def fault_of(error: BaseException) -> str:
    """Name where an unexpected error came from: its kind, file and line, not what it says."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    code = place.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_filename.rsplit('/', 1)[-1]}:{place.tb_lineno}"
