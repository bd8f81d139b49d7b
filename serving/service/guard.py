"""What every request goes through before its door sees it: who, how much, what kind, how long.

Nothing of a body is read before its caller is known and allowed in. One place turns every error
into the one shape, writes the log line and counts.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from features.errors import BrokenRecord, ForestayError
from serving.online.logs import fault_of, log
from serving.service.access.callers import Caller, Callers
from serving.service.access.rates import Rates
from serving.service.metrics import Metrics
from serving.service.problems import Refused, problem_response, status_of, unexpected
from serving.service.routes import Route
from serving.service.strict_json import read_message

#: Requests at work at once in one process; more are told to come again.
AT_ONCE = 64
#: Requests that are let in and wait: two and a half seconds of a disk that stands still, at 100 a
#: second. Ten minutes of load met such stalls; 64 turned them into refusals.
WAITING = 256
BODY_SECONDS = 5.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_NO_SNIFFING = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that was let in."""

    request: Request
    caller: Caller | None
    request_id: str
    question: Any = None
    body: bytes = b""
    once: str | None = None

    def note(self, **fields: Any) -> None:  # noqa: ANN401 - whatever the log allows
        """Add fields to the line that will be logged."""
        self.request.scope["forestay.log"].update(fields)


Handler = Callable[[Call], Awaitable[Response]]


class Guard:
    """Makes doors of handlers."""

    def __init__(self, callers: Callers, metrics: Metrics) -> None:
        """Begin with nothing at work."""
        self._callers, self._metrics = callers, metrics
        self._rates = Rates()
        self._at_work = 0

    def door(self, route: Route, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return what Starlette calls for a route."""

        async def enter(request: Request) -> Response:
            began = time.perf_counter()
            request_id = request_id_of(request)
            line = request.scope["forestay.log"] = {"request_id": request_id}
            if self._at_work >= WAITING and not route.is_public:
                response = problem_response(_busy(), request_id)
            else:
                self._at_work += 1
                try:
                    response = await self._answered(route, handler, request, request_id)
                finally:
                    self._at_work -= 1
            self._finish(route, response, line, time.perf_counter() - began)
            return response

        enter.route = route  # type: ignore[attr-defined] # a test reads it: no door without a rule
        return enter

    async def _answered(
        self, route: Route, handler: Handler, request: Request, request_id: str
    ) -> Response:
        line = request.scope["forestay.log"]
        try:
            return await handler(await self._let_in(route, request, request_id))
        except ForestayError as error:
            if isinstance(error, BrokenRecord):
                line["fault"] = f"{error.where}: {error.problem}"
            return problem_response(_outwards(error), request_id)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the caller gets the one shape, the log the place
            line["fault"] = fault_of(error)
            return problem_response(unexpected(f"{route.method} {route.path}"), request_id)

    async def _let_in(self, route: Route, request: Request, request_id: str) -> Call:
        if route.is_public:
            return Call(request=request, caller=None, request_id=request_id)
        header = request.headers.get("authorization")
        # A token may need the provider's keys, and those may be far away.
        caller = self._callers.by_key(header, route)
        if caller is None:
            caller = await run_in_threadpool(self._callers.require, header, route)
        request.scope["forestay.log"]["caller"] = caller.id
        self._rates.take(caller)
        _require_known(request, route)
        call = Call(request=request, caller=caller, request_id=request_id)
        if route.question is None:
            return call
        _require_json(request)
        once = _idempotency_key(request) if route.once else None
        body = await _read_body(request, route)
        question = await _message(body, route.question)
        return Call(
            request=request, caller=caller, request_id=request_id, question=question, body=body,
            once=once,
        )  # fmt: skip

    def _finish(self, route: Route, response: Response, line: Any, seconds: float) -> None:  # noqa: ANN401 - the line's fields
        marked(response, line["request_id"])
        self._metrics.seconds.labels(route.name).observe(seconds)
        self._metrics.requests.labels(route.name, str(response.status_code)).inc()
        if not route.is_public:
            log(
                "request", route=route.path, method=route.method, status=response.status_code,
                milliseconds=round(1000 * seconds, 2), **line,
            )  # fmt: skip


def marked(response: Response, request_id: str) -> Response:
    """Give an answer the headers that every answer has."""
    response.headers["x-request-id"] = request_id
    for name, value in _NO_SNIFFING.items():
        response.headers.setdefault(name, value)
    return response


def request_id_of(request: Request) -> str:
    """Return the caller's own id of the request where it is one, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _require_known(request: Request, route: Route) -> None:
    """Refuse parameters that mean nothing here: a misspelt one would be ignored in silence."""
    known = {name for name, (place, _) in route.parameters.items() if place == "query"}
    if set(request.query_params) - known:
        raise Refused(
            422,
            "the query",
            "it has a parameter that is none",
            ", ".join(sorted(known)) or "no parameters",
            "correct the address",
        )


async def _message(body: bytes, kind: type[BaseModel]) -> BaseModel:
    """Read a message; a large one elsewhere, so that small ones do not wait for it."""
    if len(body) < 4096:  # noqa: PLR2004 - a millisecond of work
        return read_message(body, kind)
    return await run_in_threadpool(read_message, body, kind)


def _require_json(request: Request) -> None:
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise Refused(
            415,
            "Content-Type",
            "the body is of another kind",
            "application/json in UTF-8",
            "send JSON, with the header `Content-Type: application/json`",
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(
            415, "Content-Encoding", "the body is packed", "a plain body", "send it as it is"
        )


def _idempotency_key(request: Request) -> str:
    given = request.headers.get("idempotency-key", "")
    if not _IDEMPOTENCY_KEY.fullmatch(given):
        raise Refused(
            422,
            "Idempotency-Key",
            "it is missing, or no key",
            "8 to 128 letters, digits or `._:-`, new for everything that is to be done once",
            "send such a header, the same one with every repetition",
        )
    return given


async def _read_body(request: Request, route: Route) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > route.most_bytes:
        raise _too_large(route)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            parts, size = [], 0
            async for part in request.stream():
                size += len(part)
                if size > route.most_bytes:
                    raise _too_large(route)
                parts.append(part)
    except TimeoutError:
        raise Refused(
            408,
            "the body",
            f"it did not come within {BODY_SECONDS:g} seconds",
            "a body that comes at once",
            "send it again",
            connection="close",
        ) from None
    return b"".join(parts)


def _too_large(route: Route) -> Refused:
    return Refused(
        413,
        "the body",
        "it is too large",
        f"at most {route.most_bytes:,} bytes",
        "ask in several requests",
        connection="close",
    )


def _busy() -> Refused:
    return Refused(
        503,
        "requests",
        "too many are at work",
        f"at most {WAITING} at once",
        "ask again in a second; ask for many customers in one request",
        retry_after="1",
    )


def _outwards(error: ForestayError) -> ForestayError:
    """Keep what is inside inside: files and databases are the business of whoever runs it."""
    if status_of(error) != 503 or isinstance(error, Refused):  # noqa: PLR2004 - the status
        return error
    if isinstance(error, BrokenRecord):
        return Refused(
            503,
            "what the service answers from",
            "something that Forestay wrote was changed since",
            "the bytes that it wrote",
            "tell whoever runs the service, with the request id: its log names the place",
        )
    return Refused(503, error.where.rsplit("/", 1)[-1], error.problem, error.expected, error.remedy)
