"""`forestay models`: which models there are, which serves, and changing that."""

from typing import TYPE_CHECKING

import click

from serving.cli.command import Answer, Here, as_command

if TYPE_CHECKING:
    from training.registry import ModelVersion

TARGET = click.Choice(["churn", "complaint"])


@click.group("models")
def command() -> None:
    """Look at the models; compare, promote, roll back, try one in the shadow."""


@as_command("list", examples=["forestay models list", "forestay models list --json"])
def listed(here: Here) -> Answer:
    """List every registered version, the newest first; the champion serves."""
    from training.registry import list_models

    found = list_models(here.workspace())
    lines = [_line(model) for model in found] or ["no model yet: run `forestay train`"]
    return Answer(data={"models": [model.as_dict() for model in found]}, lines=lines)


@as_command("show", examples=["forestay models show churn", "forestay models show churn 3"])
@click.argument("target", type=TARGET)
@click.argument("version", required=False)
def show(here: Here, *, target: str, version: str | None) -> Answer:
    """Show one version (the champion by default) with its test metrics and its gate."""
    model = _found(here, target, version)
    lines = [_line(model), f"  run {model.run_id}", f"  sha256 {model.sha256}"]
    lines += [f"  {'passed' if c['passed'] else 'FAILED'}: {c['words']}" for c in model.gate]
    lines += [f"  {name} {value:.4f}" for name, value in sorted(model.metrics.items())]
    return Answer(data=model.as_dict(), lines=lines)


@as_command(
    "diff",
    examples=[
        "forestay models diff churn 2 3",
        "forestay models diff churn 2 3 --json | jq .decisions.entered.count",
    ],
)
@click.argument("target", type=TARGET)
@click.argument("first")
@click.argument("second")
def diff(here: Here, *, target: str, first: str, second: str) -> Answer:
    """Compare two versions on the same test dates, and on the next list.

    Metrics with paired intervals, calibration, groups, speed, what drives them, and who would enter
    and leave the list: as a table, a page and JSON.
    """
    from serving.cli.model_words import difference_lines
    from serving.models.difference import difference, write_difference

    workspace = here.workspace()
    found = difference(workspace, target, (first, second), here.progress)
    page = write_difference(workspace, found)
    lines = [*difference_lines(found), "", f"look at {page}"]
    return Answer(data={**found, "page": str(page)}, lines=lines)


@as_command(
    "promote",
    examples=[
        "forestay models promote churn 3",
        "FORESTAY_KEY=... forestay models promote churn 3    as the owner of a key",
    ],
)
@click.argument("target", type=TARGET)
@click.argument("version")
def promote(here: Here, *, target: str, version: str) -> Answer:
    """Make a version the champion, if it passes the gate against the champion of today.

    The running service follows within seconds. With `promotion: second_person` an approver other
    than the author has to do it.
    """
    from serving.cli.person import person
    from training.promotion import promote as promoting

    workspace = here.workspace()
    who = person(workspace)
    model = promoting.promote(workspace, target, version, by=who.name, approves=who.approves)
    return _served(model)


@as_command("rollback", examples=["forestay models rollback churn"])
@click.argument("target", type=TARGET)
def rollback(here: Here, *, target: str) -> Answer:
    """Make the champion before this one champion again; the running service follows."""
    from serving.cli.person import person
    from training.promotion import promote as promoting

    workspace = here.workspace()
    model = promoting.rollback(workspace, target, by=person(workspace).name)
    return _served(model)


@as_command(
    "shadow",
    examples=[
        "forestay models shadow churn 3 --nights 14    begin",
        "forestay models shadow churn                  compare so far",
    ],
)
@click.argument("target", type=TARGET)
@click.argument("version", required=False)
@click.option("--nights", type=int, default=14, show_default=True, help="For how many nights.")
def shadow(here: Here, *, target: str, version: str | None, nights: int) -> Answer:
    """Let a challenger score every night beside the champion; nobody acts on what it says.

    Without a version: how far both agree, and who was right where labels are complete.
    """
    from serving.cli.model_words import shadow_lines
    from serving.cli.person import person
    from serving.models.shadow import begin_shadow, shadow_compared

    workspace = here.workspace()
    if version is not None:
        begin_shadow(workspace, target, version, nights, by=person(workspace).name)
    found = shadow_compared(workspace, target)
    return Answer(data=found, lines=shadow_lines(found))


@as_command("history", examples=["forestay models history churn"])
@click.argument("target", type=TARGET)
def history(here: Here, *, target: str) -> Answer:
    """Show who made which version champion, when, and on what evidence; the newest last."""
    from training.promotion.history import promotions

    found = promotions(here.workspace(), target)
    lines = [
        f"{one.place:>3}  {one.at[:19]} UTC  {one.kind:8} version {one.version:>3}  by {one.by}"
        f"  {one.hash[:12]}"
        for one in found
    ] or ["no model was promoted yet"]
    return Answer(data={"promotions": [one.as_dict() for one in found]}, lines=lines)


for _one in (listed, show, diff, promote, rollback, history, shadow):
    command.add_command(_one)


def _found(here: Here, target: str, version: str | None) -> "ModelVersion":
    from features.errors import NotReady
    from training.registry import list_models

    models = list_models(here.workspace(), target)
    wanted = [m for m in models if (m.version == version if version else m.champion)]
    if wanted:
        return wanted[0]
    raise NotReady(
        f"models of {target}",
        f"there is no version {version}" if version else "none is champion",
        f"one of {', '.join(m.version for m in models)}" if models else "a trained model",
        "see `forestay models list`, or run `forestay train`",
    )


def _served(model: "ModelVersion") -> Answer:
    said = (
        "it serves from now on, and is in the next list; go back with"
        f" `forestay models rollback {model.target}`"
    )
    return Answer(data=model.as_dict(), lines=[_line(model), said])


def _line(model: "ModelVersion") -> str:
    auc = model.metrics.get("test_roc_auc")
    state = "champion" if model.champion else "no skill" if model.no_skill else ""
    said = "" if auc is None else f"ROC AUC {auc:.3f}"
    made = f"{model.made_at:%Y-%m-%d %H:%M} UTC"
    return f"{model.target:10} {model.version:>4}  {made}  {said:14} {state}".rstrip()
