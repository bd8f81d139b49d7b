"""The `service:` block of a `forestay.yaml`, and where the online features lie."""

from datetime import timedelta
from pathlib import Path

from features.settings.fields import Fields
from features.settings.source_uri import scheme_of
from features.settings.spans import parse_span
from features.workspace import OidcSettings, ServiceSettings

_STORES = ("redis", "rediss", "postgresql", "postgres")


def read_service(fields: Fields, folder: Path) -> ServiceSettings:
    """Read the block; everything has a default."""
    inner = fields.mapping("service")
    if inner is None:
        return ServiceSettings()
    age: timedelta | None = inner.scalar("max_score_age", parse_span, "such as 36h or 2d")
    found = ServiceSettings(
        max_score_age=age or ServiceSettings.max_score_age, oidc=_oidc(inner, folder)
    )
    inner.finish()
    return found


def read_online_store(fields: Fields) -> str | None:
    """Read the uri of the online store; None: a file in the workspace."""
    node = fields.given("online_store")
    if node is None:
        return None
    text = node.text.strip() if node.kind == "text" else ""
    if scheme_of(text) in _STORES or text.startswith("${"):
        return text
    # It may hold a password, so it is not shown.
    expected = "redis://host:6379 or postgresql://user@host/database"
    fields.refuse(node, "it names no Redis and no PostgreSQL", expected)
    return None


def _oidc(fields: Fields, folder: Path) -> OidcSettings | None:
    inner = fields.mapping("oidc")
    if inner is None:
        return None
    texts = {
        name: inner.parsed(node, str, expected) if (node := inner.needed(name, expected)) else None
        for name, expected in (
            ("issuer", "the `iss` of the tokens"),
            ("audience", "the `aud` of the tokens"),
            ("jwks", "the provider's JSON Web Key Set: a file, or an https address"),
        )
    }
    claim = inner.scalar("roles_claim", str, "the claim that names the roles")
    inner.finish()
    jwks = texts["jwks"] or ""
    return OidcSettings(
        issuer=texts["issuer"] or "",
        audience=texts["audience"] or "",
        jwks=jwks if jwks.startswith("https://") else str(folder.resolve() / jwks),
        roles_claim=claim or OidcSettings.roles_claim,
    )
