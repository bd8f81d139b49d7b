"""Who may pass which door: every door, every role, every state a key or token can be in."""

import hmac
import json
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from features.errors import Conflict
from features.settings import load_workspace
from serving.service.access.keys import Keys, keys_file
from serving.service.routes import PUBLIC, ROLES, ROUTES
from tests.serving.service.corner_shop import corner_shop
from tests.serving.service.served import Served, until

ISSUER, AUDIENCE = "https://login.example", "forestay"
OIDC = f"""
service:
  oidc: {{issuer: "{ISSUER}", audience: {AUDIENCE}, jwks: jwks.json}}
"""
GUARDED = [route for route in ROUTES if not route.is_public]
PATHS = {
    "as_of": "latest",
    "decision_id": "00000000-0000-0000-0000-000000000000",
    "version": "churn-1",
}
BODIES = {
    "score": {"customer_ids": ["x"]},
    "decide": {"customer_id": "x"},
    "events": {
        "table": "orders",
        "rows": [{"customer_id": "x", "order_id": "knock", "amount": 1.0,
                  "ordered_at": "2026-01-01T00:00:00Z"}],
    },
    "outcomes": {
        "rows": [{"customer_id": "x", "action": "call", "channel": "phone",
                  "sent_at": "2026-01-01T00:00:00Z"}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def signer():
    """Make the provider's keys, by name."""
    return {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "other": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory, signer):
    """Serve the shop; its provider's public keys lie beside it."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("access") / "shop")
    public = [
        {**json.loads(kind.to_jwk(signer[name].public_key())), "kid": name, "use": "sig"}
        for name, kind in (("rsa", jwt.algorithms.RSAAlgorithm), ("ec", jwt.algorithms.ECAlgorithm))
    ]
    (folder / "jwks.json").write_text(json.dumps({"keys": public}))
    with (folder / "forestay.yaml").open("a") as file:
        file.write(OIDC)
    with Served(folder) as served:
        yield served


def token(signer, *, key="rsa", algorithm="RS256", kid=None, drop=(), **claims):
    """Make a token; sound unless told otherwise."""
    now = datetime.now(UTC)
    payload = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "amy@example.com", "roles": ["crm"],
        "iat": now, "exp": now + timedelta(minutes=5), **claims,
    }  # fmt: skip
    for name in drop:
        del payload[name]
    secret = signer[key] if algorithm != "none" else None
    return jwt.encode(payload, secret, algorithm=algorithm, headers={"kid": kid or key})


def ask(service, route, bearer):
    """Knock at a door."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
    if route.once:
        headers["Idempotency-Key"] = f"knocking-{route.name}"
    body = {"json": BODIES[route.name]} if route.question else {}
    path = route.path.format(**PATHS)
    return service.client.request(route.method, path, headers=headers, **body)


def test_every_door_has_a_rule():
    """Open to everybody only what says nothing of anybody; each other one names its roles."""
    assert {route.name for route in ROUTES if route.is_public} == {"livez", "readyz"}
    for route in GUARDED:
        assert route.roles
        assert set(route.roles) <= set(ROLES)
        assert PUBLIC not in route.roles
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_the_app_has_no_door_beside_the_table(service):
    """Whatever Starlette would open was made from a rule."""
    from serving.service.app import make_app

    app = make_app(load_workspace(service.folder))
    found = {(door.path, *sorted(door.methods - {"HEAD"})) for door in app.routes}
    assert found == {(route.path, route.method) for route in ROUTES}
    assert all(door.endpoint.route in ROUTES for door in app.routes)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_passes_its_doors_and_no_others(service, route, role):
    """Who may not gets 403 whatever is behind the door."""
    found = ask(service, route, service.keys[role])
    if role in route.roles:
        assert found.status_code in (200, 404), found.text
    else:
        assert found.status_code == 403
        assert set(found.json()["error"]) == {
            "where", "problem", "expected", "remedy", "request_id",
        }  # fmt: skip


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_no_door_opens_without_a_key_that_counts(service, signer, route):
    """Nothing, nonsense, a forged key, and every way in which a token can be wrong."""
    sound = service.keys["crm"]
    now = datetime.now(UTC)
    wrong = {
        "nothing": None,
        "a word": "x",
        "nonsense": "x" * 9000,
        "forged": sound[:-1] + ("A" if sound[-1] != "A" else "B"),
        "unsigned": token(signer, algorithm="none", kid="rsa"),
        "expired": token(signer, exp=now - timedelta(minutes=5)),
        "endless": token(signer, drop=["exp"]),
        "for another": token(signer, aud="billing"),
        "of another": token(signer, iss="https://evil.example"),
        "unknown key": token(signer, key="other"),
        "another's key": token(signer, key="other", kid="rsa"),
        "nobody": token(signer, drop=["sub"]),
    }
    for name, bearer in wrong.items():
        found = ask(service, route, bearer)
        assert found.status_code == 401, name
        assert found.headers["www-authenticate"] == "Bearer"
        assert bearer is None or len(bearer) < 8 or bearer not in found.text


@pytest.mark.parametrize(("key", "algorithm"), [("rsa", "RS256"), ("ec", "ES256")])
def test_a_token_of_the_companys_provider_opens_the_doors_of_its_roles(
    service, signer, key, algorithm
):
    """Both algorithms; roles that are none of ours open nothing."""
    score = next(route for route in ROUTES if route.name == "score")
    assert ask(service, score, token(signer, key=key, algorithm=algorithm)).status_code == 200
    marketing = token(signer, key=key, algorithm=algorithm, roles="marketing")
    assert ask(service, score, marketing).status_code == 403
    nothing = token(signer, key=key, algorithm=algorithm, roles=["admin", "root"])
    assert ask(service, score, nothing).status_code == 403


def test_a_secret_of_the_public_key_signs_nothing(service, signer):
    """A token that is signed with the public key as if it were a shared secret is refused."""
    secret = (service.folder / "jwks.json").read_bytes()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "roles": ["crm"], "exp": 2**31}
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims]
    text = b".".join(urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    seal = urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    forged = (text + b"." + seal).decode()
    score = next(route for route in ROUTES if route.name == "score")
    assert ask(service, score, forged).status_code == 401


def test_keys_are_changed_without_a_gap_and_revoked_within_a_second(service):
    """Two of a name count; the old one ends, the new one goes on."""
    score = next(route for route in ROUTES if route.name == "score")
    keys = Keys(load_workspace(service.folder))
    old, old_text = keys.create("crm", "hubspot", by="test")
    new, new_text = keys.create("crm", "hubspot", by="test")
    with pytest.raises(Conflict, match="count already"):
        keys.create("crm", "hubspot", by="test")
    until(lambda: ask(service, score, new_text).status_code == 200, 3)
    assert ask(service, score, old_text).status_code == 200
    keys.revoke(old.id)
    until(lambda: ask(service, score, old_text).status_code == 401, 3)
    assert ask(service, score, new_text).status_code == 200
    keys.revoke(new.id)


def test_a_key_is_kept_as_a_hash_that_only_its_owner_can_read(service):
    """The file does not hold the text of any key."""
    path = keys_file(load_workspace(service.folder))
    for text in service.keys.values():
        assert text.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_one_key_cannot_take_everything(service):
    """Above its rate a caller hears 429 with when to come again; another caller does not."""
    keys = Keys(load_workspace(service.folder))
    _, text = keys.create("crm", "greedy", by="test")
    score = next(route for route in ROUTES if route.name == "score")
    until(lambda: ask(service, score, text).status_code == 200, 3)
    headers = {"Authorization": f"Bearer {text}"}

    def push(_):
        with httpx.Client(base_url=service.url, headers=headers) as client:
            return [client.post("/score", content=b"") for _ in range(400)]

    with ThreadPoolExecutor(4) as pool:
        found = [one for some in pool.map(push, range(4)) for one in some]
    assert {one.status_code for one in found} <= {415, 429, 503}
    refused = [one for one in found if one.status_code == 429]
    assert all(one.headers["retry-after"] == "1" for one in refused)
    assert service.score("nobody")["results"][0]["status"] == "unknown_customer"
