"""Every door of the service: what it is for, who may pass, what it takes and gives.

The only place that says so: the guard asks it before anything is read, the OpenAPI document is made
from it, metrics take their labels from it. A door without a rule does not open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from serving.service import messages as m

ROLES = ("crm", "marketing", "auditor", "scientist", "approver")
Role = Literal["crm", "marketing", "auditor", "scientist", "approver"]
#: Nobody has to say who they are: says whether the process is there and answers, and no more.
PUBLIC = "public"
KIB = 1024
JSON, HTML = "application/json", "text/html; charset=utf-8"
CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"

STATUS_WORDS: Mapping[int, str] = {
    401: "no key, or one that does not count (any more)",
    403: "the key's role may not do this",
    404: "there is no such thing on record",
    405: "this address does not take that method",
    406: "none of the media types asked for is there",
    408: "the body came too slowly",
    409: "the same idempotency key came with another body, or two things exclude each other",
    413: "the body is too large",
    415: "the body is not application/json",
    422: "the request means nothing as it stands; the message names the field",
    429: "too many requests with this key; ask again after Retry-After seconds",
    503: "it cannot be answered now; ask again after Retry-After seconds",
}
_ALWAYS = (401, 403, 405, 422, 429, 503)
_WITH_BODY = (408, 413, 415)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One door.

    Attributes
    ----------
    roles : who may pass; `PUBLIC` alone for everybody.
    question, answer : messages; None where there is no body, or it is no JSON.
    media : types of the answer, the first by default.
    errors : statuses beside those every door has.
    most_bytes : of a body.
    once : needs an idempotency key.
    parameters : of path and query: name, (where, JSON schema).
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    roles: tuple[str, ...]
    question: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: tuple[str, ...] = (JSON,)
    errors: tuple[int, ...] = ()
    most_bytes: int = 64 * KIB
    once: bool = False
    parameters: Mapping[str, tuple[Literal["path", "query"], Mapping[str, Any]]] = field(
        default_factory=dict
    )

    @property
    def is_public(self) -> bool:
        """Whether nobody has to say who they are."""
        return self.roles == (PUBLIC,)

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every error status the door can answer with."""
        if self.is_public:
            return (405, 503)
        with_body = _WITH_BODY if self.question else ()
        return tuple(sorted({*_ALWAYS, *with_body, *self.errors, *((409,) if self.once else ())}))


_UUID = {"type": "string", "format": "uuid", "minLength": 36, "maxLength": 36}
_DAY = {"type": "string", "pattern": r"^(latest|[0-9]{4}-[0-9]{2}-[0-9]{2})$"}
_LANGUAGE = {"type": "string", "enum": ["en", "zh"]}

ROUTES: tuple[Route, ...] = (
    Route(
        name="score", method="POST", path="/score", roles=("crm", "scientist"),
        summary="Risks, bands and reasons of up to 1,000 customers, each put on record",
        question=m.ScoreQuestion, answer=m.ScoreAnswer, most_bytes=1024 * KIB,
    ),
    Route(
        name="events", method="POST", path="/events", roles=("crm",), once=True,
        summary="What has just happened: kept, looked at, and answered with the risks as they are"
        " now; a decision that follows at once is recorded and returned",
        question=m.Events, answer=m.EventsAnswer,
    ),
    Route(
        name="decide", method="POST", path="/decide", roles=("crm",), once=True,
        summary="What to do for one customer now, under the policy of the night; recorded",
        question=m.DecideQuestion, answer=m.DecideAnswer, errors=(404,),
    ),
    Route(
        name="outcomes", method="POST", path="/outcomes", roles=("crm", "marketing"), once=True,
        summary="What was done for customers and how they answered; counts from now on",
        question=m.Outcomes, answer=m.ReceivedAnswer,
    ),
    Route(
        name="list", method="GET", path="/lists/{as_of}", roles=("marketing", "auditor"),
        summary="A nightly list, page by page",
        answer=m.ListAnswer, media=(JSON, CSV, PARQUET), errors=(404, 406, 422),
        parameters={
            "as_of": ("path", _DAY),
            "offset": ("query", {"type": "integer", "minimum": 0, "default": 0}),
            "limit": ("query", {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}),
        },
    ),
    Route(
        name="decision", method="GET", path="/decisions/{decision_id}",
        roles=("crm", "marketing", "auditor"),
        summary="One decision out of its record; that it was looked at is put on record",
        answer=m.DecisionAnswer, errors=(404, 422),
        parameters={"decision_id": ("path", _UUID), "language": ("query", _LANGUAGE)},
    ),
    Route(
        name="audit_decision", method="GET", path="/audit/decisions/{decision_id}",
        roles=("auditor",), media=(HTML,), errors=(404, 422),
        summary="The auditor's page of a decision; that it was looked at is put on record",
        parameters={"decision_id": ("path", _UUID), "language": ("query", _LANGUAGE)},
    ),
    Route(
        name="audit_model", method="GET", path="/audit/models/{version}",
        roles=("auditor", "scientist", "approver"), media=(HTML,), errors=(404, 422),
        summary="The page of a model, as churn-3; that it was looked at is put on record",
        parameters={
            "version": ("path", {"type": "string", "pattern": "^(churn|complaint)-[0-9]{1,9}$"}),
            "language": ("query", _LANGUAGE),
        },
    ),
    Route(
        name="openapi", method="GET", path="/openapi.json", roles=ROLES,
        summary="This document",
    ),
    Route(
        name="metrics", method="GET", path="/metrics", roles=("scientist", "approver", "auditor"),
        summary="Figures of the running service for Prometheus",
        media=("text/plain; version=0.0.4; charset=utf-8",),
    ),
    Route(
        name="livez", method="GET", path="/livez", roles=(PUBLIC,),
        summary="The process is there", answer=m.LiveAnswer,
    ),
    Route(
        name="readyz", method="GET", path="/readyz", roles=(PUBLIC,),
        summary="The service answers; 503 when it does not", answer=m.ReadyAnswer,
    ),
)  # fmt: skip
BY_NAME: Mapping[str, Route] = {route.name: route for route in ROUTES}
