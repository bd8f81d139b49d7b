"""`forestay backtest`: history replayed month by month, to see how long models last."""

import click

from serving.cli.command import Answer, Here, as_command


@as_command(
    "backtest", examples=["forestay backtest", "forestay backtest --target complaint --json"]
)
@click.option(
    "--target", type=click.Choice(["churn", "complaint"]), help="One target; all by default."
)
def command(here: Here, *, target: str | None) -> Answer:
    """Replay history: fit a model as of each month, and ask it about every later one.

    Says how models fade with age and how often to train, which `forestay retrain --if-due` follows.
    Nothing is promoted.
    """
    from features.whole import write_json, write_text
    from serving.audit.reports.report import render
    from serving.cli.model_words import backtest_lines
    from serving.models.backtest_page import backtest_report
    from serving.models.rhythm import backtest_file
    from training.backtest import backtest

    workspace = here.workspace()
    found, lines = {}, []
    for name in [target] if target else list(workspace.targets):
        told = backtest(workspace, workspace.targets[name], here.progress)
        write_json(backtest_file(workspace, name), told)
        page = workspace.folder / "reports" / f"backtest-{name}.html"
        write_text(page, render(backtest_report(told, workspace.name, workspace.language)))
        found[name] = {**told, "page": str(page)}
        lines += [*backtest_lines(told), f"look at {page}", ""]
    return Answer(data=found, lines=lines)
