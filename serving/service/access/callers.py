"""From the Authorization header to a caller with roles."""

import hashlib
from dataclasses import dataclass

from features.workspace import Workspace
from serving.service.access.keys import Keys
from serving.service.access.tokens import Tokens
from serving.service.problems import Refused
from serving.service.routes import Route

_BEARER = "bearer "
#: Longest header that can hold a token.
_LONGEST = 8192


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: ``id`` for logs and limits, ``name`` for the record."""

    id: str
    name: str
    roles: frozenset[str]


class Callers:
    """Knows callers by what they show."""

    def __init__(self, workspace: Workspace) -> None:
        """Open the keys; tokens count where an identity provider is named."""
        self._keys = Keys(workspace)
        oidc = workspace.service.oidc
        self._tokens = Tokens(oidc) if oidc else None

    def require(self, header: str | None, route: Route) -> Caller:
        """Return who calls, if the door is theirs.

        Raises
        ------
        Refused : 401 or 403. Unavailable : the keys cannot be read.
        """
        caller = self._find(header or "")
        if caller is None:
            raise Refused(
                401,
                "Authorization",
                "no key, or one that does not count",
                "the header `Authorization: Bearer KEY`",
                "ask whoever runs the service for a key (`forestay keys create --role ROLE`)",
                www_authenticate="Bearer",
            )
        if not caller.roles & set(route.roles):
            raise Refused(
                403,
                f"{route.method} {route.path}",
                "the role of this key may not do that",
                f"a key with the role {' or '.join(route.roles)}",
                "use such a key",
            )
        return caller

    def _find(self, header: str) -> Caller | None:
        if len(header) > _LONGEST or header[: len(_BEARER)].lower() != _BEARER:
            return None
        text = header[len(_BEARER) :].strip()
        if key := self._keys.find(text):
            return Caller(id=key.id, name=f"{key.name} ({key.id})", roles=frozenset({key.role}))
        if self._tokens is None or text.count(".") != 2:  # noqa: PLR2004 - parts of a JWT
            return None
        found = self._tokens.roles(text)
        if found is None:
            return None
        subject, roles = found
        # A subject may be a person's name: logs have a hash of it.
        short = hashlib.sha256(subject.encode()).hexdigest()[:8]
        return Caller(id=f"oidc-{short}", name=f"{subject} (OIDC)", roles=roles)
