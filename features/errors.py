"""The whole family of errors, composed once so that every message has one shape.

::

    ForestayError          what was wrong, where, what was expected, what to do
    ├── BadInput           a file, setting or command must change
    │   └── Faults         several of them, found in one look
    ├── NotReady           something else has to be run first
    ├── Conflict           two things exclude each other: choose
    ├── Unavailable        a server or file is away for now: try again
    └── BrokenRecord       something Forestay wrote was changed since: do not trust it

Named for what the reader does next. No message may hold personal data: name the file, row and
field, never the customer. The command line prints the text and exits 1; the service returns the
same four fields as JSON.
"""

from collections.abc import Iterable, Sequence


class ForestayError(Exception):
    """An error for the person who sees it.

    Parameters
    ----------
    where : file, row, field, setting or command, as the reader knows it.
    problem : what was wrong, in one sentence without a final stop.
    expected : what would have been right.
    remedy : the next command or edit.

    Examples
    --------
    >>> print(ForestayError("orders.csv, row 7", "no date", "a date", "correct the row"))
    orders.csv, row 7: no date.
    Expected: a date.
    To fix: correct the row.
    """

    def __init__(self, where: str, problem: str, expected: str, remedy: str) -> None:
        self.where, self.problem, self.expected, self.remedy = where, problem, expected, remedy
        super().__init__(f"{where}: {problem}.\nExpected: {expected}.\nTo fix: {remedy}.")

    def as_dict(self) -> dict[str, str]:
        """Return the four fields, as the service answers them."""
        return {
            "where": self.where,
            "problem": self.problem,
            "expected": self.expected,
            "remedy": self.remedy,
        }


class BadInput(ForestayError):
    """A file, a setting or a command must change."""


class Faults(BadInput):
    """Several faults at once: nobody likes fixing ten faults in ten runs."""

    def __init__(self, faults: Sequence[ForestayError]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(first.where, first.problem, first.expected, first.remedy)
        self.args = ("\n\n".join(str(fault) for fault in self.faults),)


class NotReady(ForestayError):
    """Something else has to be run first."""


class Conflict(ForestayError):
    """Two things exclude each other."""


class Unavailable(ForestayError):
    """A server or a file is away for now."""


class BrokenRecord(ForestayError):
    """Something Forestay wrote was changed or damaged since."""


def raise_faults(faults: Iterable[ForestayError]) -> None:
    """Raise what was found, each text once: nothing, the one fault, or all of them together."""
    found = tuple({str(fault): fault for fault in faults}.values())
    if len(found) == 1:
        raise found[0]
    if found:
        raise Faults(found)
