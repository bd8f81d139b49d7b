"""`forestay keys`: who may ask the service, and as what."""

import click

from serving.cli.command import Answer, Here, as_command

_ROLES = ("crm", "marketing", "auditor", "scientist", "approver")


@click.group("keys")
def command() -> None:
    """Make, list and revoke keys of the service."""


@as_command(
    "create",
    examples=[
        "forestay keys create --role crm --name hubspot",
        "KEY=$(forestay keys create --role crm --quiet)",
    ],
)
@click.option("--role", required=True, type=click.Choice(_ROLES), help="What the key may do.")
@click.option("--name", default="", help="Whose it is; records name it. The role by default.")
@click.option("--quiet", is_flag=True, help="Print the key and nothing else.")
def create(here: Here, *, role: str, name: str, quiet: bool) -> Answer:
    """Make a key and show it, once: only its hash is kept.

    Two keys of one name and role may count at a time: make the new one, change over, revoke the old
    one.
    """
    from serving.audit.environment import actor
    from serving.service.access.keys import Keys

    key, text = Keys(here.workspace()).create(role, name or role, by=actor())
    lines = [
        text,
        "",
        f"This is the key {key.id} of {key.name!r}, for the role {role}. It is not shown again.",
        f"Revoke it with `forestay keys revoke {key.id}`.",
    ]
    return Answer(data={**key.as_dict(), "key": text}, lines=[text] if quiet else lines)


@as_command("list", examples=["forestay keys list"])
def list_(here: Here) -> Answer:
    """List the keys, without what is secret of them."""
    from serving.service.access.keys import Keys

    keys = Keys(here.workspace()).every()
    lines = [
        f"{key.id}  {key.role:<10} {key.name:<20} made {key.created_at} by {key.created_by}"
        + (f", revoked {key.revoked_at}" if key.revoked_at else "")
        for key in keys
    ] or ["no keys yet; make one with `forestay keys create --role crm`"]
    return Answer(data={"keys": [key.as_dict() for key in keys]}, lines=lines)


@as_command("revoke", examples=["forestay keys revoke 1f9e52a5"])
@click.argument("key_id")
def revoke(here: Here, *, key_id: str) -> Answer:
    """Let a key count no more, within a second, in every service that runs."""
    from serving.service.access.keys import Keys

    key = Keys(here.workspace()).revoke(key_id)
    return Answer(data=key.as_dict(), lines=[f"the key {key.id} of {key.name!r} counts no more"])


for _one in (create, list_, revoke):
    command.add_command(_one)
