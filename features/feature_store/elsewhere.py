"""Online features in Redis or PostgreSQL, as Feast's own configuration has it.

Several workspaces may share a server, so each has a project of its own there; registry and
snapshots stay in the workspace.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from features.errors import BadInput, Unavailable
from features.settings import resolve_uri
from features.workspace import Workspace

_POSTGRESQL = ("postgresql", "postgres")


def elsewhere(workspace: Workspace) -> dict[str, Any]:
    """Return Feast's settings for a workspace whose online store is a server.

    Raises
    ------
    BadInput : the uri names no host, or a variable in it is not set. It is not shown: it may hold a
        password.
    """
    uri = urlsplit(resolve_uri(str(workspace.online_store), workspace))
    if not uri.hostname or uri.scheme not in (*_POSTGRESQL, "redis", "rediss"):
        raise BadInput(
            "forestay.yaml, field online_store",
            "it names no server",
            "redis://host:6379 or postgresql://user@host/database",
            "correct it",
        )
    project = "forestay_" + re.sub(r"[^a-z0-9]+", "_", workspace.name.lower())
    store = _postgresql(uri) if uri.scheme in _POSTGRESQL else _redis(uri)
    return {"project": project, "online_store": store}


def _redis(uri: Any) -> dict[str, Any]:  # noqa: ANN401 - urllib's split uri
    parts = [f"{uri.hostname}:{uri.port or 6379}"]
    if uri.username:
        parts.append(f"username={unquote(uri.username)}")
    if uri.password:
        parts.append(f"password={unquote(uri.password)}")
    if database := uri.path.strip("/"):
        parts.append(f"db={database}")
    if uri.scheme == "rediss":
        parts.append("ssl=true")
    return {"type": "redis", "connection_string": ",".join(parts)}


def _postgresql(uri: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return {
        "type": "postgres",
        "host": uri.hostname,
        "port": uri.port or 5432,
        "database": uri.path.strip("/") or "postgres",
        "user": unquote(uri.username or "postgres"),
        "password": unquote(uri.password or ""),
        "db_schema": "public",
        "sslmode": dict(parse_qsl(uri.query)).get("sslmode", "prefer"),
    }


@contextmanager
def told_if_away(workspace: Workspace) -> Iterator[None]:
    """Say it in our words when the server of the online store does not answer.

    Raises
    ------
    Unavailable : so it is.
    """
    if workspace.online_store is None:
        yield
        return
    import psycopg
    import redis

    try:
        yield
    except (psycopg.Error, redis.RedisError) as error:
        raise Unavailable(
            "forestay.yaml, field online_store",
            f"the server does not answer ({type(error).__name__})",
            "a Redis or PostgreSQL that can be reached",
            "start it or correct the field, and run the command again",
        ) from error
