"""Every error of the service in one shape, with its HTTP status."""

import json
from collections.abc import Mapping

from starlette.responses import Response

from features.errors import BadInput, Conflict, ForestayError, NotReady, Unavailable

#: Seconds after which it is worth asking again.
RETRY_AFTER = "2"


class Refused(ForestayError):
    """An error that has no other place than HTTP: a status, and headers of its own."""

    def __init__(
        self,
        status: int,
        where: str,
        problem: str,
        expected: str,
        remedy: str,
        **headers: str,
    ) -> None:
        super().__init__(where, problem, expected, remedy)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def status_of(error: ForestayError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, Refused):
        return error.status
    found = {BadInput: 422, NotReady: 404, Conflict: 409, Unavailable: 503}
    for kind, status in found.items():
        if isinstance(error, kind):
            return status
    return 503  # a broken record: nothing can be answered from it


def problem_response(error: ForestayError, request_id: str) -> Response:
    """Write an error as the service answers it."""
    headers: Mapping[str, str] = error.headers if isinstance(error, Refused) else {}
    status = status_of(error)
    if status == 503:  # noqa: PLR2004 - the status
        headers = {"retry-after": RETRY_AFTER, **headers}
    content = json.dumps({"error": {**error.as_dict(), "request_id": request_id}})
    return Response(content, status, headers, media_type="application/json")


def unexpected(where: str) -> Refused:
    """Return what a caller is told of a fault of ours; what it was stands in the log."""
    return Refused(
        503, where, "something went wrong in the service", "an answer",
        "ask again; if it stays so, give the request id to whoever runs the service",
    )  # fmt: skip
