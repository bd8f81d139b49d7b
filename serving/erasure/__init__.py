"""One person out of everything Forestay wrote, for good: what goes, and what remains elsewhere.

Read `person` (the order), `list_rows` (lists in all their formats). What `features` keeps is erased
there (`features.erasing`); keys are shredded in `serving.keyring`.
"""

from serving.erasure.person import ErasureReport, erase

__all__ = ["ErasureReport", "erase"]
