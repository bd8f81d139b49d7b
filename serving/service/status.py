"""Whether the service lives, answers, and how it does."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from features.errors import Unavailable
from features.workspace import Workspace
from serving.earlier_lists import list_dates, open_list
from serving.online.engine import Engine
from serving.online.scorer import now_utc
from serving.service.guard import Call
from serving.service.messages import LiveAnswer, ReadyAnswer
from serving.service.metrics import Metrics
from serving.service.routes import BY_NAME


class Status:
    """Answers about the service itself."""

    def __init__(self, workspace: Workspace, engine: Engine, metrics: Metrics) -> None:
        self._workspace, self._engine, self._metrics = workspace, engine, metrics
        self._watched: str | None = None

    async def live(self, _: Call) -> Response:
        """Say that the process is there."""
        return _json(LiveAnswer(live=True).model_dump_json())

    async def ready(self, _: Call) -> Response:
        """Say whether customers are answered for, and from what.

        Raises
        ------
        Unavailable : they are not; the message says what is missing.
        """
        view = self._engine.view
        view.require_answerable(now_utc())
        answer = ReadyAnswer(ready=True, as_of=view.standing.as_of, degraded=list(view.degraded))
        return _json(answer.model_dump_json())

    async def metrics(self, _: Call) -> Response:
        """Write figures for Prometheus."""
        try:
            standing, now = self._engine.view.standing, now_utc()
            self._metrics.feature_age.set((now - standing.instant).total_seconds())
            self._metrics.score_age.set((now - standing.published_at).total_seconds())
        except Unavailable:  # nothing to tell the age of yet
            self._metrics.feature_age.set(float("nan"))
            self._metrics.score_age.set(float("nan"))
        await run_in_threadpool(self._watch)
        kind = BY_NAME["metrics"].media[0]
        return Response(self._metrics.text(), headers={"content-type": kind})

    def _watch(self) -> None:
        """Read what the newest list was warned of, once a list."""
        days = list_dates(self._workspace.lists)
        newest = open_list(self._workspace.lists, days[-1]) if days else None
        if newest is not None and newest.fingerprint != self._watched:
            self._metrics.watched(newest.summary)
            self._watched = newest.fingerprint


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
