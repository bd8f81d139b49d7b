"""How long work tells whoever waits that it goes on.

The command line shows bars (`serving/cli/progress.py`); tests and programs stay silent.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Step(Protocol):
    """One piece of work with a known number of parts."""

    def advance(self, parts: int = 1) -> None:
        """Say that so many parts are done."""


class Progress(Protocol):
    """Something that can show named steps."""

    def step(self, words: str, *, total: int) -> AbstractContextManager[Step]:
        """Open a step of `total` parts; `words` tell the user what is being done."""


class _Silent:
    def advance(self, parts: int = 1) -> None:
        """Show nothing."""

    def step(self, words: str, *, total: int) -> AbstractContextManager[Step]:  # noqa: ARG002 - shows nothing
        """Show nothing."""
        return nullcontext(self)


SILENT: Progress = _Silent()
