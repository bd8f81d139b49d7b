"""The OpenAPI document, made from the table of doors and the messages: nothing is written twice."""

from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from serving.service.messages import ProblemAnswer
from serving.service.routes import JSON, ROUTES, STATUS_WORDS, Route

_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_DESCRIPTION = """\
Which customers are about to leave or to complain, why, and what to do for each of them.

Every request names its caller by `Authorization: Bearer KEY`. Bodies are JSON in UTF-8, at most \
64 KiB (`/score`: 1 MiB); a field that is not described here, one that stands twice, NaN, or a \
value of another type is refused with 422. Every error has the one shape of `ProblemAnswer`, never \
with a value of the request in it. Times are ISO 8601 with their offset from UTC."""


def openapi() -> dict[str, Any]:
    """Return the document (OpenAPI 3.1)."""
    models: dict[Any, None] = {(ProblemAnswer, "serialization"): None}
    for route in ROUTES:
        if route.question:
            models[route.question, "validation"] = None
        if route.answer:
            models[route.answer, "serialization"] = None
    names, schemas = models_json_schema(list(models), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Forestay", "version": version("forestay"), "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "key": {
                    "type": "http", "scheme": "bearer",
                    "description": "a key of `forestay keys create`, or a token of the company's"
                    " identity provider (OIDC; RS256 or ES256)",
                }
            },
        },
    }  # fmt: skip


def _operation(route: Route, names: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's references
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"For {', '.join(route.roles)}.",
        "parameters": _parameters(route),
        "security": [] if route.is_public else [{"key": []}],
        "responses": {
            "200": {
                "description": "the answer",
                "headers": _request_id(),
                "content": {
                    kind.partition(";")[0]: {"schema": _answer(route, kind, names)}
                    for kind in route.media
                },
            },
            **{str(status): _error(status, names) for status in route.statuses},
        },
    }
    if route.question:
        schema = names[route.question, "validation"]
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return described


def _answer(route: Route, kind: str, names: Any) -> Any:  # noqa: ANN401 - as above
    if kind == JSON:
        return names[route.answer, "serialization"] if route.answer else {"type": "object"}
    return _TEXT


def _error(status: int, names: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    headers = _request_id()
    if status in (429, 503):
        headers["Retry-After"] = {"description": "seconds", "schema": _TEXT}
    return {
        "description": STATUS_WORDS[status],
        "headers": headers,
        "content": {JSON: {"schema": names[ProblemAnswer, "serialization"]}},
    }


def _request_id() -> dict[str, Any]:
    told = "names the request in the log; the caller's own X-Request-Id where it sent one"
    return {"X-Request-Id": {"description": told, "schema": _TEXT}}


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": place, "required": place == "path", "schema": dict(schema)}
        for name, (place, schema) in route.parameters.items()
    ]
    if route.once:
        key = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{8,128}$"}
        found.append(
            {
                "name": "Idempotency-Key", "in": "header", "required": True, "schema": key,
                "description": "the same key and body get the same answer for a day",
            }
        )  # fmt: skip
    return found
