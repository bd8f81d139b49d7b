"""`POST /score`: up to a thousand customers, told once the answer is on record."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from features.errors import Unavailable
from serving.ledger import Place
from serving.online.engine import Engine, Scored
from serving.service.guard import AT_ONCE, Call
from serving.service.metrics import Metrics

#: An answer waits so long for its record.
RECORD_SECONDS = 3.0


class Scoring:
    """Answers what risk customers are at."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine, self._metrics = engine, metrics
        # Of their own, so that pages and decisions never take them all.
        self._threads = CapacityLimiter(AT_ONCE)

    async def score(self, call: Call) -> Response:
        """Answer for the customers of a question, in its order."""
        asked = call.question
        scored = await self.told(call, asked.customer_ids, asked.language)
        head = json.dumps({"request_id": call.request_id, "models": scored.view.models})[:-1]
        body = b'%b, "results": [%b]}' % (head.encode(), b", ".join(scored.results))
        return Response(body, media_type="application/json")

    async def told(self, call: Call, ids: Sequence[str], language: str | None) -> Scored:
        """Answer for some customers, once it is on record."""
        caller = call.caller
        arguments: Any = (ids, language, caller.name if caller else "", call.request_id)
        # Beside the loop: a key may have to be made, and whoever makes many holds their file.
        scored = await to_thread.run_sync(self._engine.score, *arguments, limiter=self._threads)
        if scored.recorded is not None:
            await _on_record(scored.recorded)
        self._count(call, scored)
        return scored

    def _count(self, call: Call, scored: Scored) -> None:
        view = scored.view
        call.note(
            customers=len(scored.results),
            subjects=scored.subjects or None,
            degraded=list(view.degraded) or None,
        )
        for text in scored.results:
            self._metrics.told(text)
        if view.degraded:
            self._metrics.degraded.inc(len(scored.results))


async def _on_record(recorded: "Future[tuple[Place, ...]]") -> None:
    """Wait until what will be told is durable.

    Raises
    ------
    Unavailable : it takes too long; it may still come to be on record, as an answer nobody heard.
    """
    try:
        await asyncio.wait_for(asyncio.wrap_future(recorded), RECORD_SECONDS)
    except TimeoutError:
        raise Unavailable(
            "ledger",
            "the answer could not be put on record in time, and nothing is told without",
            f"a ledger that takes a record within {RECORD_SECONDS:g} seconds",
            "look what holds the ledger, and ask again",
        ) from None
