"""Done once: the same key and body get the same answer for a day, whoever repeats it and when."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.received.log import ReceivedLog, micros
from serving.service.guard import Call
from serving.service.problems import Refused

KEPT = timedelta(days=1)
#: A repetition waits so long for the first; what is older was cut off by a kill.
_WAIT_SECONDS, _DEAD = 10.0, timedelta(seconds=60)
_JSON = "application/json"


class Once:
    """Remembers answers by caller and key."""

    def __init__(self, received: ReceivedLog) -> None:
        """Keep them beside the rows that came in."""
        self._file = received.file

    async def answer(self, call: Call, work: Callable[[], Awaitable[bytes]]) -> Response:
        """Do the work, unless it was done: then give the answer of that time.

        Raises
        ------
        Refused : 409; the key came with another body, or the first is still at work.
        """
        kept = await run_in_threadpool(self._begun, call)
        if kept is not None:
            return Response(kept, headers={"idempotent-replayed": "true"}, media_type=_JSON)
        try:
            answer = await work()
        except BaseException:
            await run_in_threadpool(self._forget, call)
            raise
        await run_in_threadpool(self._keep, call, answer)
        return Response(answer, media_type=_JSON)

    def _begun(self, call: Call) -> bytes | None:
        """Take the key, or return what was answered with it."""
        until = time.monotonic() + _WAIT_SECONDS
        question = _question(call)
        while True:
            found = self._take(call, question)
            if found is None:
                return None
            kept_question, answer = found
            if kept_question != question:
                raise _another_body()
            if answer is not None:
                return answer
            if time.monotonic() > until:
                raise _at_work()
            time.sleep(0.05)

    def _take(self, call: Call, question: bytes) -> tuple[bytes, bytes | None] | None:
        now = datetime.now(UTC)
        owner = (_caller(call), call.once)
        with self._file.writing() as connection:
            connection.execute("DELETE FROM once WHERE at_us < ?", (micros(now - KEPT),))
            row = connection.execute(
                "SELECT question, answer, at_us FROM once WHERE caller = ? AND key = ?", owner
            ).fetchone()
            if row is not None and (row[1] is not None or row[2] > micros(now - _DEAD)):
                return row[0], row[1]
            connection.execute(
                "INSERT OR REPLACE INTO once (caller, key, question, at_us) VALUES (?, ?, ?, ?)",
                (*owner, question, micros(now)),
            )
        return None

    def _keep(self, call: Call, answer: bytes) -> None:
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE once SET answer = ? WHERE caller = ? AND key = ?",
                (answer, _caller(call), call.once),
            )

    def _forget(self, call: Call) -> None:
        with self._file.writing() as connection:
            connection.execute(
                "DELETE FROM once WHERE caller = ? AND key = ? AND answer IS NULL",
                (_caller(call), call.once),
            )


def _caller(call: Call) -> str:
    return call.caller.id if call.caller else ""


def _question(call: Call) -> bytes:
    return hashlib.sha256(call.request.url.path.encode() + b"\n" + call.body).digest()


def _another_body() -> Refused:
    return Refused(
        409,
        "Idempotency-Key",
        "it came with another body before",
        "a key for each thing that is to be done once",
        "send a new key, or the first body",
    )


def _at_work() -> Refused:
    return Refused(
        409,
        "Idempotency-Key",
        "the first request with it is still at work",
        "one request at a time with one key",
        "ask again in some seconds with the same key and body",
    )
