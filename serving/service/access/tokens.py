"""Tokens of the company's own identity provider (OIDC): who signed, for whom, until when, as what.

Only RS256 and ES256, whatever the token says of itself (RFC 8725). The provider's keys come from a
file that somebody keeps up to date, or from its https address.
"""

import json
import time
from typing import TYPE_CHECKING, Any

from features.errors import Unavailable
from features.workspace import OidcSettings

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 60
#: The provider's keys are asked for again after this long.
_KEYS_SECONDS, _TIMEOUT_SECONDS = 300, 3
#: Whoever makes up names of keys does not make us ask the provider more often than this.
_ANEW_SECONDS = 30.0


class Tokens:
    """Checks tokens of one provider."""

    def __init__(self, settings: OidcSettings) -> None:
        """Nothing is fetched before the first token comes."""
        self._settings = settings
        self._client: Any = None
        self._asked_at = -_ANEW_SECONDS
        self._file: tuple[float, dict[str, PyJWK]] = (0.0, {})

    def roles(self, text: str) -> tuple[str, frozenset[str]] | None:
        """Return who a token is of, and the roles it has; None where it does not count.

        Raises
        ------
        Unavailable : the provider's keys cannot be read.
        """
        import jwt

        try:
            kid = jwt.get_unverified_header(text).get("kid")
            key = self._key(str(kid))
            if key is None:
                return None
            claims = jwt.decode(
                text,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise _no_keys() from error
        except jwt.PyJWTError:
            return None
        told = claims.get(self._settings.roles_claim, [])
        names = told if isinstance(told, list) else [told]
        return str(claims["sub"]), frozenset(name for name in names if isinstance(name, str))

    def _key(self, kid: str) -> "PyJWK | None":
        if self._settings.jwks.startswith("https://"):
            return self._from_provider(kid)
        return self._from_file().get(kid)

    def _from_provider(self, kid: str) -> "PyJWK | None":
        """Find a key; for one that is not there the provider is asked anew, but not each time."""
        import jwt

        if self._client is None:
            self._client = jwt.PyJWKClient(
                self._settings.jwks, lifespan=_KEYS_SECONDS, timeout=_TIMEOUT_SECONDS
            )
        known = self._named(kid, refresh=False)
        if known is None and time.monotonic() - self._asked_at > _ANEW_SECONDS:
            self._asked_at = time.monotonic()
            known = self._named(kid, refresh=True)
        return known

    def _named(self, kid: str, *, refresh: bool) -> "PyJWK | None":
        found = self._client.get_jwk_set(refresh=refresh).keys
        return next((key for key in found if key.key_id == kid), None)

    def _from_file(self) -> "dict[str, PyJWK]":
        from pathlib import Path

        import jwt

        path = Path(self._settings.jwks)
        try:
            changed = path.stat().st_mtime
            if changed != self._file[0]:
                found = jwt.PyJWKSet.from_dict(json.loads(path.read_text("utf-8")))
                self._file = (changed, {str(key.key_id): key for key in found.keys})
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise _no_keys() from error
        return self._file[1]


def _no_keys() -> Unavailable:
    return Unavailable(
        "identity provider",
        "its keys cannot be read",
        "the JSON Web Key Set that `service: oidc: jwks:` names",
        "bring it back, or use a key of `forestay keys create`",
    )
