"""Records sealed for one customer each: of whom the key is shredded, nothing can be read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.errors import BrokenRecord
from features.workspace import Workspace
from serving.keyring.customer_keys import CustomerKeys
from serving.keyring.pseudonyms import Pseudonyms

CUSTOMER, DECISION = "customer", "decision"
#: Bytes of the epoch and of the nonce before what is sealed.
_EPOCH, _NONCE = 2, 12


@dataclass(frozen=True)
class Erased:
    """Instead of a record: its customer was erased on a day."""

    on: date


class Keyring:
    """The keys of one workspace."""

    def __init__(self, folder: Path) -> None:
        """Open them; make the first ones."""
        self._pseudonyms = Pseudonyms(folder)
        self._keys = CustomerKeys(folder / "customers.sqlite")

    @property
    def epoch(self) -> int:
        """Number of the pseudonym key that names new records."""
        return self._pseudonyms.epoch

    def pseudonyms(self, customer_ids: Sequence[str]) -> list[bytes]:
        """Name customers, 16 bytes each."""
        return self._pseudonyms.names(CUSTOMER, customer_ids, self.epoch)

    def record_ids(self, decision_ids: Sequence[str]) -> list[bytes]:
        """Name records of decisions, 16 bytes each.

        A decision's own id could be made from a customer's by whoever knows the night.
        """
        return self._pseudonyms.names(DECISION, decision_ids, self.epoch)

    def every_pseudonym(self, customer_id: str) -> list[bytes]:
        """Return a customer's names of all epochs, the newest first."""
        return self._every(CUSTOMER, customer_id)

    def every_record_id(self, decision_id: str) -> list[bytes]:
        """Return the names a decision's record may have, the newest first."""
        return self._every(DECISION, decision_id)

    def make_keys(self, pseudonyms: Sequence[bytes]) -> None:
        """Make the keys of many customers at once, which is faster than a few at a time."""
        self._keys.made(pseudonyms)

    def seal(
        self, pseudonyms: Sequence[bytes], payloads: Sequence[bytes], bound_to: Sequence[bytes]
    ) -> list[bytes]:
        """Encrypt each payload for its customer (AES-256-GCM), with a key made on first use.

        Parameters
        ----------
        bound_to : the record each belongs to; sealed bytes moved to another one do not open.

        Raises
        ------
        Conflict : one of the customers was erased.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        keys = self._keys.made(pseudonyms)
        random, epoch = os.urandom(_NONCE * len(payloads)), self.epoch.to_bytes(_EPOCH, "big")
        nonces = [random[n * _NONCE : (n + 1) * _NONCE] for n in range(len(payloads))]
        # Each has a key of its own, so there is no batch form.
        return [
            epoch + nonce + AESGCM(keys[pseudonym]).encrypt(nonce, payload, record)
            for pseudonym, payload, record, nonce in zip(
                pseudonyms, payloads, bound_to, nonces, strict=True
            )
        ]

    def unseal_all(
        self, pseudonyms: Sequence[bytes], sealed: Sequence[bytes], bound_to: Sequence[bytes]
    ) -> list[bytes | Erased]:
        """Open what `seal` sealed; `Erased` in the place of whoever was.

        Raises
        ------
        BrokenRecord : bytes were changed, or belong to another record or key.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        wanted = list(dict.fromkeys(pseudonyms))
        keys, erased = self._keys.known(wanted), self._keys.erased(wanted)
        found: list[bytes | Erased] = []
        for pseudonym, content, record in zip(pseudonyms, sealed, bound_to, strict=True):
            if pseudonym in erased:
                found.append(Erased(erased[pseudonym]))
                continue
            if pseudonym not in keys:
                raise _unopened("the key of its customer is not there")
            nonce = content[_EPOCH : _EPOCH + _NONCE]
            try:
                rest = content[_EPOCH + _NONCE :]
                found.append(AESGCM(keys[pseudonym]).decrypt(nonce, rest, record))
            except (InvalidTag, ValueError) as error:
                raise _unopened("its bytes were changed") from error
        return found

    def erased_on(self, customer_id: str) -> date | None:
        """Return the day on which a customer was erased; None for who was not."""
        found = self._keys.erased(self.every_pseudonym(customer_id))
        return min(found.values(), default=None)

    def shred(self, customer_id: str, on: date) -> None:
        """Destroy every key of a customer, for good."""
        self._keys.shred(self.every_pseudonym(customer_id), on)

    def rotate(self) -> int:
        """Begin a new epoch: customers get other names and other keys from now on."""
        return self._pseudonyms.rotate()

    def _every(self, kind: str, one: str) -> list[bytes]:
        epochs = self._pseudonyms.epochs
        return [name for epoch in epochs for name in self._pseudonyms.names(kind, [one], epoch)]


def open_keyring(workspace: Workspace) -> Keyring:
    """Open the keys of a workspace, or make them.

    Raises
    ------
    Conflict : others than their owner can read them. Unavailable : they cannot be reached.
    """
    return Keyring(workspace.ledger_keys)


def _unopened(problem: str) -> BrokenRecord:
    return BrokenRecord(
        "a sealed record",
        f"it cannot be opened: {problem}",
        "the bytes that Forestay wrote, and the keys of that time",
        "run `forestay audit verify`, and restore ledger and keys from backups of one time",
    )
