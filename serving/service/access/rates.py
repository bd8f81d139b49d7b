"""How much one caller may ask: a bucket of tokens that fills at a steady rate."""

import time
from collections import OrderedDict

from serving.service.access.callers import Caller
from serving.service.problems import Refused

#: Requests a second that one key may go on with, and how many at once. A process has buckets of its
#: own: with several workers a key may do so many times as much.
PER_SECOND, BURST = 200.0, 400.0
#: Callers remembered; tokens of a provider may name any number of them.
_CALLERS = 10_000


class Rates:
    """What is left for each caller."""

    def __init__(self) -> None:
        """Begin with full buckets."""
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: Caller) -> None:
        """Take one request.

        Raises
        ------
        Refused : 429; nothing is left.
        """
        now = time.monotonic()
        left, at = self._left.pop(caller.id, (BURST, now))
        left = min(BURST, left + (now - at) * PER_SECOND)
        allowed = left >= 1
        self._left[caller.id] = (left - 1 if allowed else left, now)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        if not allowed:
            raise Refused(
                429,
                "requests",
                "too many with this key",
                f"at most {PER_SECOND:g} a second",
                "ask again in a second; ask for many customers in one request",
                retry_after="1",
            )
