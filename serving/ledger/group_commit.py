"""Records of many callers committed together: a flush costs the same for one and a thousand.

Each caller waits until its own record is durable, at most about as long as the interval.
"""

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Self

from features.errors import Unavailable
from serving.ledger.block import MOST
from serving.ledger.entry import Place
from serving.ledger.ledger import Ledger

#: Callers that may wait; beyond, they are told at once.
WAITING = 10_000
#: Seconds that ending waits for a store that does not answer; nobody was told of what is lost then.
WAIT_TO_END = 10.0
_Waiting = tuple[tuple[bytes, ...], "Future[tuple[Place, ...]]"]


class GroupCommit:
    """A thread that appends what has gathered, over and over."""

    def __init__(
        self, ledger: Ledger, kind: str, body: Mapping[str, Any], *, every_seconds: float = 0.1
    ) -> None:
        """Begin; `body` stands in every entry."""
        self._ledger, self._kind, self._body, self._every = ledger, kind, body, every_seconds
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(WAITING)
        self._closed = False
        self._left_over: _Waiting | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def add(self, *leaves: bytes) -> "Future[tuple[Place, ...]]":
        """Hand over some records, at most 1,000; all of them stand in one entry.

        Returns
        -------
        future : their places, once they are durable; or the error for which they are not.

        Raises
        ------
        Unavailable : too many wait already.
        """
        future: Future[tuple[Place, ...]] = Future()
        try:
            self._waiting.put_nowait((leaves, future))
        except queue.Full:
            raise Unavailable(
                "ledger",
                "more records wait than can be written",
                f"at most {WAITING:,} at once",
                "ask again in a second",
            ) from None
        return future

    def close(self) -> None:
        """Write what is left and end."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join(WAIT_TO_END)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.close()

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._gathered()
            if group:
                self._commit(group)

    def _gathered(self) -> tuple[list["_Waiting"], bool]:
        """Wait for the first, then for as long as the interval; False at the end."""
        first, self._left_over = self._left_over or self._waiting.get(), None
        if first is None:
            return [], False
        group, until = [first], time.monotonic() + self._every
        count = len(first[0])
        while count < MOST:
            try:
                one = self._waiting.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                return group, True
            if one is None:
                return group, False
            if count + len(one[0]) > MOST:
                self._left_over = one
                return group, True
            group.append(one)
            count += len(one[0])
        return group, True

    def _commit(self, group: list["_Waiting"]) -> None:
        # Who gave up waiting is not told, nor recorded.
        group = [one for one in group if one[1].set_running_or_notify_cancel()]
        if not group:
            return
        try:
            leaves = [leaf for some, _ in group for leaf in some]
            entry = self._ledger.append(self._kind, self._body, leaves)
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
            for _, future in group:
                future.set_exception(error)
            return
        start = 0
        for some, future in group:
            future.set_result(tuple(Place(entry.seq, start + n) for n in range(len(some))))
            start += len(some)
