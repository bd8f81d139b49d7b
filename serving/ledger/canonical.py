"""One way to write an entry as bytes, and the hash of bytes: everything else rests on these two."""

import hashlib
from collections.abc import Mapping
from typing import Any


def canonical(content: Mapping[str, Any]) -> bytes:
    """Write plain data as canonical JSON, so that equal content has equal bytes.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme.

    Examples
    --------
    >>> canonical({"b": 1.0, "a": "é"}).decode()
    '{"a":"é","b":1}'
    """
    import rfc8785

    return rfc8785.dumps(dict(content))


def sha256(content: bytes) -> bytes:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).digest()
