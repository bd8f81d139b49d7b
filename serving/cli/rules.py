"""`forestay rules`: is the policy sound, and why was a customer contacted or left alone."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.command import DAY, Answer, Here, as_command

if TYPE_CHECKING:
    from proactive_rules.why import Why

_POLICY = click.option(
    "--policy",
    "policy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file that may become the policy, instead of the one in force.",
)


@click.group("rules")
def command() -> None:
    """Check the policy; ask why; see what another would have done."""


@as_command("check", examples=["forestay rules check", "forestay rules check --policy spring.yaml"])
@_POLICY
def check(here: Here, *, policy_file: Path | None) -> Answer:
    """Tell every fault of the policy at once, each with its line; else say what it holds.

    Without a policy.yaml in the workspace the shipped policy holds; `forestay init` writes a copy.
    """
    from features.accepted import open_accepted
    from features.catalogue import catalogue_for
    from serving.policies import open_policy
    from serving.policy_check import described

    workspace = here.workspace()
    accepted = open_accepted(workspace)
    found = open_policy(workspace, catalogue_for(accepted, workspace), policy_file)
    data = described(found, workspace, accepted)
    return Answer(data=data, lines=_check_lines(data))


@as_command(
    "why", examples=["forestay rules why 12346", "forestay rules why 12346 --as-of 2011-12-10"]
)
@click.argument("customer")
@click.option("--as-of", type=DAY, metavar="DATE", help="Date of the list; the newest by default.")
@click.option("--language", type=click.Choice(["en", "zh"]), help="The workspace's by default.")
def why(here: Here, *, customer: str, as_of: date | None, language: str | None) -> Answer:
    """Tell why a customer is contacted or left alone, and what would have had to differ."""
    from serving.past_decision import why_customer

    workspace = here.workspace()
    found = why_customer(workspace, customer, as_of, language or workspace.language)
    return Answer(data=found.as_dict(), lines=_why_lines(found))


@as_command(
    "simulate",
    examples=[
        "forestay rules simulate --policy spring.yaml",
        "forestay rules simulate --policy spring.yaml --nights 28",
    ],
)
@click.option(
    "--policy",
    "policy_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The policy to try.",
)
@click.option(
    "--nights", type=int, default=7, show_default=True, help="How many nights, up to the newest."
)
def simulate(here: Here, *, policy_file: Path, nights: int) -> Answer:
    """Replay past nights under another policy, beside the one in force.

    Both decide on the same scores; what a policy decides counts as sent at the planned hour for the
    nights after. Lists and decisions of the workspace stay as they are.
    """
    from serving.simulation import simulate as replay
    from serving.simulation_page import write_simulation

    workspace = here.workspace()
    found = replay(workspace, policy_file, nights, here.progress)
    page = write_simulation(workspace, found)
    return Answer(data={**found, "page": str(page)}, lines=_simulated_lines(found, page))


for _one in (check, why, simulate):
    command.add_command(_one)


def _check_lines(data: dict[str, Any]) -> list[str]:
    lines = [f"policy {data['version']} ({data['file']}): sound"]
    for one in data["actions"]:
        lowers = f"lowers {one['lowers']} risk" if one["lowers"] else "for who is at no risk"
        lines.append(
            f"  {one['name']}: {one['purpose']}, {lowers}, by {' or '.join(one['channels'])},"
            f" {one['owner']} within {one['due_in']}"
        )
    lines += [f"  leave alone: {say['en']}" for say in data["suppressions"].values()]
    return lines + [f"note: {note}" for note in data["notes"]]


def _why_lines(found: "Why") -> list[str]:
    lines = [f"{found.customer_id}: {found.sentence}", ""]
    for one in found.alternatives:
        name = f"{one.action} by {one.channel}"
        said = "done" if one.taken else f"{one.reason} -> {one.differ}"
        lines.append(f"  {name:32} {said}")
    lines.append("")
    return lines + [f"  [{'x' if rule.holds else ' '}] {rule.words}" for rule in found.rules]


def _simulated_lines(found: dict[str, Any], page: Path) -> list[str]:
    """Lay both policies side by side: night by night, in all, and what stood in the way."""
    versions = [one["version"] for one in found["policies"]]
    currency = found["currency"] or ""
    lines = [f"{'night':12}{versions[0]:>22}{versions[1]:>22}{'entered':>9}{'left':>7}"]
    for night in found["nights"]:
        cells = "".join(f"{_done_and_cost(one, currency):>22}" for one in night["policies"])
        lines.append(f"{night['as_of']:12}{cells}{night['entered']:>9,}{night['left']:>7,}")
    total = "".join(f"{_done_and_cost(one, currency):>22}" for one in found["total"])
    lines += [f"{'in all':12}{total}", ""]
    for one in found["reasons"][:8]:
        counts = "".join(f"{'-' if n is None else f'{n:,}':>12}" for n in one["counts"])
        lines.append(f"  {one['say']['en'][:58]:60}{counts}")
    shares = sorted(found["groups"], key=lambda one: -_apart(one))[:5]
    lines += ["", "contacted share, where it differs most"]
    lines += [f"  {one['by']} {one['name']:30}{_shares(one)}" for one in shares]
    if found["left_out"]:
        lines.append(f"note: {found['left_out']} nights lie before the data and are left out")
    return [*lines, "", f"look at {page}"]


def _done_and_cost(one: dict[str, Any], currency: str) -> str:
    decisions = one["decisions"]
    contacts = decisions["contact"] + decisions["human_review"]
    return f"{contacts:,} for {one['cost']:,.0f} {currency}".rstrip()


def _apart(group: dict[str, Any]) -> float:
    one, other = (share or 0.0 for share in group["shares"])
    return abs(one - other)


def _shares(group: dict[str, Any]) -> str:
    return "".join(f"{'-' if one is None else f'{one:.1%}':>10}" for one in group["shares"])
