"""The same service for BentoML to pack and to run: `bentoml build`, `bentoml serve forestay`.

Every request goes to our own app, whose guard knows keys, limits and errors; of BentoML's own doors
(tasks, file inputs, documentation) none can be reached. `FORESTAY_WORKSPACE` names the workspace.
"""

from pathlib import Path
from typing import Any

import bentoml

from features.settings import load_workspace, prepare_process, value_of
from serving.service.app import make_app
from serving.service.problems import Refused, problem_response
from serving.service.server import is_loopback

prepare_process()
_PROXY = "FORESTAY_BEHIND_PROXY"


class OnlyOurs:
    """Answers everything itself; of the app around it only its start and its end are left."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - an ASGI app
        """Make the app of the workspace."""
        self._around = app
        self._ours = make_app(load_workspace(Path(str(value_of("FORESTAY_WORKSPACE"))).resolve()))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Answer, or start and end with the process."""
        if scope["type"] == "lifespan":
            async with self._ours.router.lifespan_context(self._ours):
                await self._around(scope, receive, send)
        elif scope["type"] == "http" and not _is_safe(scope):
            await problem_response(_unsafe(), "-")(scope, receive, send)
        elif scope["type"] == "http":
            await self._ours(scope, receive, send)


def _is_safe(scope: Any) -> bool:  # noqa: ANN401 - ASGI
    """Tell whether nobody on the way can listen in: BentoML listens everywhere by default."""
    host = (scope.get("server") or ("127.0.0.1", None))[0]
    encrypted = scope.get("scheme") == "https" or value_of(_PROXY) == "1"
    return encrypted or is_loopback(str(host))


def _unsafe() -> Refused:
    return Refused(
        503,
        "the address",
        "it can be reached from elsewhere, and nothing is encrypted",
        "the loopback, TLS, or a proxy that ends TLS",
        f"serve with --host 127.0.0.1 or with TLS, or set {_PROXY}=1 behind a proxy",
    )


class _Doors:
    """Which customers are about to leave or to complain, why, and what to do for each of them."""


Forestay: Any = bentoml.service(
    _Doors,
    name="forestay",
    workers=1,
    http={"host": "127.0.0.1", "port": 3000},
    traffic={"timeout": 60},
    metrics={"enabled": False},  # ours have labels that cannot grow
    logging={"access": {"enabled": False}},  # the guard logs, without a customer
)
Forestay.add_asgi_middleware(OnlyOurs)
