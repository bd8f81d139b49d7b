"""Who runs a command that changes which model serves: a key's owner, else the system's user."""

from dataclasses import dataclass

from features.errors import BadInput, Conflict
from features.settings import value_of
from features.workspace import Workspace
from serving.audit.environment import actor

#: Roles that may train and promote; only an approver may stand for a second person.
MAY = ("scientist", "approver")
APPROVER = "approver"
VARIABLE = "FORESTAY_KEY"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A name for the records, and how sure it is."""

    name: str
    by_key: bool = False
    approves: bool = False


def person(workspace: Workspace) -> Person:
    """Look at the key in the environment, if there is one.

    Raises
    ------
    BadInput : the key does not count.
    Conflict : its role may not change models.
    """
    text = value_of(VARIABLE)
    if text is None:
        return Person(name=actor())
    from serving.service.access.keys import Keys

    key = Keys(workspace).find(text)
    if key is None:
        raise BadInput(
            VARIABLE,
            "the key does not count: it was revoked, or it is none of this workspace",
            "a key that `forestay keys create` showed",
            "make a new one, or unset the variable",
        )
    if key.role not in MAY:
        raise Conflict(
            VARIABLE,
            f"the role {key.role} may not change models",
            f"a key with the role {' or '.join(MAY)}",
            "use such a key",
        )
    return Person(name=key.name, by_key=True, approves=key.role == APPROVER)
