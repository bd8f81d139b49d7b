"""The service as a process: uvicorn around the app, on the loopback unless it is safe elsewhere."""

import ipaddress
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from features.errors import BadInput
from features.settings import load_workspace, prepare_process, value_of
from features.workspace import Workspace
from serving.service.access.keys import Keys
from serving.service.slow_headers import PatientProtocol

#: Connections that wait for the kernel to hand them over.
_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
#: Requests under way are let end when the service is told to.
_GRACE_SECONDS = 20
_FOLDER = "FORESTAY_WORKSPACE"


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Where the service listens, and what guards the way there."""

    host: str = "127.0.0.1"
    port: int = 3000
    certificate: Path | None = None
    private_key: Path | None = None
    behind_proxy: bool = False
    workers: int = 1

    @property
    def url(self) -> str:
        """The address to ask."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{host}:{self.port}"


def require_safe(workspace: Workspace, listen: Listen) -> None:
    """Refuse to listen where anybody could listen in.

    Raises
    ------
    BadInput : the address is not of this machine alone, and there is no TLS or no key.
    """
    if bool(listen.certificate) != bool(listen.private_key):
        raise BadInput(
            "forestay serve", "a certificate and its key belong together",
            "both --certificate and --private-key, or none", "give both",
        )  # fmt: skip
    if is_loopback(listen.host):
        return
    if not listen.certificate and not listen.behind_proxy:
        raise BadInput(
            "forestay serve --host",
            f"{listen.host} can be reached from elsewhere, and nothing would be encrypted",
            "the loopback (127.0.0.1), or TLS",
            "give --certificate and --private-key, or --behind-proxy where a proxy ends TLS",
        )
    has_key = any(key.revoked_at is None for key in Keys(workspace).every())
    if not has_key and workspace.service.oidc is None:
        raise BadInput(
            "forestay serve --host",
            f"{listen.host} can be reached from elsewhere, and there is no key",
            "at least one key, or an identity provider in forestay.yaml",
            "make one with `forestay keys create --role crm`",
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run(workspace: Workspace, listen: Listen) -> None:
    """Serve until told to stop."""
    import uvicorn

    require_safe(workspace, listen)
    os.environ[_FOLDER] = str(workspace.folder.resolve())
    if listen.workers > 1:
        # Set before any worker counts: their figures are added up.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="forestay-metrics-")
    uvicorn.run("serving.service.server:app", **_options(listen))


def _options(listen: Listen) -> dict[str, Any]:
    return {
        "factory": True,
        "host": listen.host,
        "port": listen.port,
        "workers": listen.workers,
        "ssl_certfile": listen.certificate,
        "ssl_keyfile": listen.private_key,
        "http": PatientProtocol,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "backlog": _BACKLOG,
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "access_log": False,  # it would log addresses of customers' questions; the guard logs
        "log_level": "warning",
        "proxy_headers": False,
        "server_header": False,
        "date_header": True,
    }


def app() -> Starlette:
    """Make the app of the workspace that the environment names; every worker calls this."""
    prepare_process()
    from serving.service.app import make_app

    return make_app(load_workspace(Path(str(value_of(_FOLDER)))))
