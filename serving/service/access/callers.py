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

    def by_key(self, header: str | None, route: Route) -> Caller | None:
        """Return who shows a key of ours, if the door is theirs; None where it is none.

        Raises
        ------
        Refused : 403. Unavailable : the keys cannot be read.
        """
        found = self._keys.find(_shown(header))
        if found is None:
            return None
        name = f"{found.name} ({found.id})"
        return _let_in(Caller(id=found.id, name=name, roles=frozenset({found.role})), route)

    def require(self, header: str | None, route: Route) -> Caller:
        """Return who shows a token of the company's provider, if the door is theirs.

        Raises
        ------
        Refused : 401 or 403. Unavailable : the provider's keys cannot be read.
        """
        text = _shown(header)
        is_token = self._tokens is not None and text.count(".") == 2  # noqa: PLR2004 - parts of a JWT
        found = self._tokens.roles(text) if self._tokens and is_token else None
        if found is None:
            raise Refused(
                401,
                "Authorization",
                "no key, or one that does not count",
                "the header `Authorization: Bearer KEY`",
                "ask whoever runs the service for a key (`forestay keys create --role ROLE`)",
                www_authenticate="Bearer",
            )
        subject, roles = found
        # A subject may be a person's name: logs have a hash of it.
        short = hashlib.sha256(subject.encode()).hexdigest()[:8]
        return _let_in(Caller(id=f"oidc-{short}", name=f"{subject} (OIDC)", roles=roles), route)


def _shown(header: str | None) -> str:
    """Return the key or token of a header; nothing where it holds none."""
    if header is None or len(header) > _LONGEST or header[: len(_BEARER)].lower() != _BEARER:
        return ""
    return header[len(_BEARER) :].strip()


def _let_in(caller: Caller, route: Route) -> Caller:
    """Refuse a caller whose roles may not pass a door."""
    if not caller.roles & set(route.roles):
        raise Refused(
            403,
            f"{route.method} {route.path}",
            "the role of this key may not do that",
            f"a key with the role {' or '.join(route.roles)}",
            "use such a key",
        )
    return caller
