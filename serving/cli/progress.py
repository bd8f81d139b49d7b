"""How the command line shows that work goes on: bars in a terminal, plain lines elsewhere.

Everything goes to stderr, so that stdout can be read by a machine.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from features.progress import Progress, Step

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

#: A bar that was done sooner is not worth a line.
WORTH_A_LINE_SECONDS = 2.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show bars where somebody looks at a terminal, else one line a step."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True), refresh_per_second=5) as bars:
        yield _Bars(bars)


class _Bar:
    def __init__(self, bars: "RichProgress", task: "TaskID") -> None:
        self._bars, self._task = bars, task

    def advance(self, parts: int = 1) -> None:
        """Move the bar."""
        self._bars.advance(self._task, parts)


class _Bars:
    def __init__(self, bars: "RichProgress") -> None:
        self._bars = bars

    @contextmanager
    def step(self, words: str, *, total: int) -> Iterator[Step]:
        """Show a bar; it goes again when it was short."""
        task, start = self._bars.add_task(words, total=max(total, 1)), time.monotonic()
        yield _Bar(self._bars, task)
        if time.monotonic() - start < WORTH_A_LINE_SECONDS:
            self._bars.remove_task(task)
        else:
            self._bars.update(task, completed=max(total, 1))


class _Quiet:
    def advance(self, parts: int = 1) -> None:
        """Say nothing in between: a log needs no bar."""


class _Lines:
    def __init__(self) -> None:
        self._last = ""

    @contextmanager
    def step(self, words: str, *, total: int) -> Iterator[Step]:  # noqa: ARG002 - no bar, no total
        """Write one line when a step begins, unless it says the same as the last."""
        if words != self._last:
            self._last = words
            with suppress(BrokenPipeError):
                print(words, file=sys.stderr, flush=True)  # noqa: T201 - this is the door to people
        yield _Quiet()
