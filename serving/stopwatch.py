"""How long a run took, step by step: the only place of the night that looks at the clock."""

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from features.whole import write_json


class Stopwatch:
    """Times named steps and writes them apart from everything that must be repeatable."""

    def __init__(self) -> None:
        self._started = datetime.now(UTC)
        self._seconds: dict[str, float] = {}

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Time one step."""
        start = time.perf_counter()
        yield
        self._seconds[step] = round(time.perf_counter() - start, 3)

    def write(self, path: Path) -> None:
        """Write when the run began and ended, and the seconds of each step."""
        write_json(
            path,
            {
                "started_at": self._started.isoformat(timespec="seconds"),
                "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": self._seconds,
                "python": platform.python_version(),
            },
        )
