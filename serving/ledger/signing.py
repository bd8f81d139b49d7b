"""The keys that sign heads: Ed25519, the private ones apart from the ledger, for its owner only.

Every entry is a head: its hash is signed. A new key is announced by an entry that the old key
signs, so that whoever trusts one key can follow to all later ones.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import BrokenRecord
from features.key_files import missing_key, read_key, write_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

#: Stands before the hash that is signed, so that a signature can mean nothing else.
DOMAIN = b"forestay-head-1\n"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """One private key."""

    number: int
    private: "Ed25519PrivateKey"

    @property
    def public(self) -> str:
        """Return the public key, 32 bytes in hex."""
        return self.private.public_key().public_bytes_raw().hex()

    def sign(self, entry_hash: str) -> bytes:
        """Sign the hash of an entry."""
        return self.private.sign(DOMAIN + bytes.fromhex(entry_hash))


def is_signed(public: str, entry_hash: str, signature: bytes) -> bool:
    """Tell whether a signature is that of a key over a head."""
    from cryptography.exceptions import InvalidSignature

    try:
        _public(public).verify(signature, DOMAIN + bytes.fromhex(entry_hash))
    except (InvalidSignature, ValueError):
        return False
    return True


def make_signer(keys: Path, number: int) -> Signer:
    """Make a key pair, or take the one that a run left which was killed before it signed.

    Raises
    ------
    BrokenRecord : the key has signed already, and what it signed is gone.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if public_file(keys, number).exists():
        raise BrokenRecord(
            "ledger",
            f"it holds nothing that its key {number} has signed",
            "the entries that belong to the keys",
            "restore the ledger from a backup; to begin a new one, move the folder of keys away",
        )
    if _private_file(keys, number).exists():
        return open_signer(keys, number)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_key(_private_file(keys, number), pem)
    return Signer(number=number, private=private)


def publish_key(keys: Path, signer: Signer) -> None:
    """Write the public key beside the private one, once an entry that it belongs to is durable."""
    public_file(keys, signer.number).write_text(signer.public + "\n", encoding="ascii")


def public_file(keys: Path, number: int) -> Path:
    """Return the file of a public key."""
    return keys / f"signing-{number}.pub"


def open_signer(keys: Path, number: int) -> Signer:
    """Read a private key.

    Raises
    ------
    Unavailable : it is not there, so nothing can be recorded.
    Conflict : others than its owner can read it.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = serialization.load_pem_private_key(read_key(_private_file(keys, number)), None)
    if not isinstance(private, Ed25519PrivateKey):
        raise missing_key(_private_file(keys, number))
    return Signer(number=number, private=private)


@cache
def _public(public: str) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))


def _private_file(keys: Path, number: int) -> Path:
    return keys / f"signing-{number}.pem"
