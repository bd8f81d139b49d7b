"""The doors put together: one Starlette app, whoever serves it."""

import gc
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Door

from features.workspace import Workspace
from serving.audit.reading import Records
from serving.online.decisions import Decisions
from serving.online.engine import Engine
from serving.online.logs import fault_of, log
from serving.service.access.callers import Callers
from serving.service.deciding import Deciding
from serving.service.guard import Call, Guard, Handler, marked, request_id_of
from serving.service.intake import Receiving
from serving.service.listing import Listing
from serving.service.lookups import Lookups
from serving.service.metrics import Metrics
from serving.service.openapi import openapi
from serving.service.problems import Refused, problem_response
from serving.service.routes import ROUTES, STATUS_WORDS
from serving.service.scoring import Scoring
from serving.service.status import Status

#: A store that is away must not keep the service from answering what it still can.
REHEARSAL_SECONDS = 3.0


def make_app(workspace: Workspace) -> Starlette:
    """Make the service of a workspace; it begins to look for nights and models when it starts."""
    engine, metrics = Engine(workspace), Metrics()
    decisions = Decisions(Records(workspace), engine.received, engine.moved)
    guard = Guard(Callers(workspace), metrics)
    handlers = _handlers(engine, decisions, metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Before it listens: a worker that has nothing to say yet gets no questions, and the first
        # ones are not to share the interpreter with what only has to be done once.
        await run_in_threadpool(engine.start)
        rehearsal = threading.Thread(target=_rehearse, args=(engine, decisions), daemon=True)
        rehearsal.start()
        await run_in_threadpool(rehearsal.join, REHEARSAL_SECONDS)
        _let_garbage_wait()
        try:
            yield
        finally:
            engine.close()

    doors = [
        Door(route.path, guard.door(route, handlers[route.name]), methods=[route.method])
        for route in ROUTES
    ]
    app = Starlette(
        routes=doors,
        lifespan=lifespan,
        exception_handlers={HTTPException: _no_such_door},
    )
    app.router.redirect_slashes = False
    return app


def _handlers(engine: Engine, decisions: Decisions, metrics: Metrics) -> Mapping[str, Handler]:
    workspace = engine.workspace
    status, lookups = Status(workspace, engine, metrics), Lookups(workspace)
    scoring = Scoring(engine, metrics)
    deciding = Deciding(workspace, engine, decisions)
    receiving = Receiving(engine, scoring, deciding)
    document = json.dumps(openapi()).encode()

    async def describe(_: Call) -> Response:
        return Response(document, media_type="application/json")

    return {
        "score": scoring.score,
        "events": receiving.events,
        "decide": deciding.decide,
        "outcomes": receiving.outcomes,
        "list": Listing(workspace).page,
        "decision": lookups.decision,
        "audit_decision": lookups.decision_page,
        "audit_model": lookups.model_page,
        "openapi": describe,
        "metrics": status.metrics,
        "livez": status.live,
        "readyz": status.ready,
    }


def _rehearse(engine: Engine, decisions: Decisions) -> None:
    try:
        decisions.rehearse(engine.view)
    except Exception as error:  # noqa: BLE001 - the first event will then take longer
        log("rehearsal", fault=fault_of(error))


async def _no_such_door(request: Request, error: Exception) -> Response:
    """Answer what no door takes, in the one shape; HEAD and OPTIONS are no methods of ours."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    refused = Refused(
        status,
        "the address" if status == 404 else request.method,  # noqa: PLR2004 - the status
        "there is no such address" if status == 404 else STATUS_WORDS[405],  # noqa: PLR2004
        "an address and method of /openapi.json",
        "correct the request",
    )
    request_id = request_id_of(request)
    return marked(problem_response(refused, request_id), request_id)


def _let_garbage_wait() -> None:
    """Keep what was loaded out of the collector's rounds: they would stop answers for 75 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
