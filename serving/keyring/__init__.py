"""Who a record is about, kept apart from it: pseudonyms, and a key for each customer.

Read `pseudonyms` (keyed names, by epoch), `customer_keys` (the keys, and who was erased), `keyring`
(sealing and opening). Without these files the ledger verifies, but says nothing of anybody.
"""

from serving.keyring.keyring import Erased, Keyring, open_keyring

__all__ = ["Erased", "Keyring", "open_keyring"]
