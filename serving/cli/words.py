"""Lines that more than one command prints."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.ingest import IngestReport
    from features.workspace import Workspace
    from serving.nightly import NightlyReport
    from training.train_report import TrainReport

_FATES = ("read", "filtered", "accepted", "duplicate", "superseded", "quarantined")


def list_lines(report: "NightlyReport") -> list[str]:
    """Say what the list holds and where it lies."""
    counts = report.counts
    decisions = counts["decisions"]
    channels = [f"{n:,} by {channel}" for channel, n in counts["contacts"].items()]
    head = "already done" if report.status == "already_done" else "written"
    lines = [
        f"list of {report.as_of} {head}: {counts['listed']:,} customers",
        f"  to contact   {decisions['contact']:,} ({', '.join(channels)})",
        f"  to review    {decisions['human_review']:,}",
        f"  held out     {decisions['held_out']:,}",
        f"  left alone   {decisions['leave_alone']:,}",
        f"  look at      {report.folder / 'risk_list.html'}",
        f"  send         {report.folder}/contacts_*.csv",
    ]
    if report.supersedes:
        lines.append(f"  supersedes   {report.folder.parent / report.supersedes}")
    return lines + [f"  note         {warning['en']}" for warning in report.warnings]


def train_lines(report: "TrainReport") -> list[str]:
    """Say how good a model is, beside the plain baseline, and whether it serves."""
    if report.run_id is None:
        head = f"{report.target}: no model can honestly be made"
    else:
        head = (
            f"{report.target}: version {report.model_version}"
            f"{', promoted' if report.promoted else ', not promoted'};"
            f" ROC AUC {_interval(report.metrics, 'test_roc_auc')},"
            f" plain RFM {_interval(report.baseline, 'test_roc_auc')};"
            f" top-decile lift {_interval(report.metrics, 'test_top_decile_lift')}"
        )
    return [head, *problem_lines(report.warnings)]


def where_lines(workspace: "Workspace", reports: Sequence["TrainReport"]) -> list[str]:
    """Say what to open next: the list, the plots, the runs."""
    from features.settings import mlflow_tracking_uri

    lines = ["open next"]
    lines.append(f"  list    {workspace.lists / 'latest' / 'risk_list.html'}")
    lines += [f"  plots   {r.artifacts} ({r.target})" for r in reports if r.artifacts]
    uri = mlflow_tracking_uri(workspace)
    if "@" not in uri:  # a server's uri may hold a password
        lines.append(f"  runs    mlflow server --workers 1 --backend-store-uri {uri}")
    lines.append(f"  ask     forestay serve --workspace {workspace.folder}")
    return lines


def ingest_lines(report: "IngestReport") -> list[str]:
    """Say what became of the rows of each source; the numbers add up."""
    lines = []
    for source in report.sources:
        counts = ", ".join(f"{getattr(source, name):,} {name}" for name in _FATES)
        erased = f", {source.erased:,} of erased people" if source.erased else ""
        lines.append(f"{source.label}: {counts}{erased}")
        lines += [f"  set aside: {fault} ({rows:,})" for fault, rows in source.faults.items()]
        if source.position_ids:
            lines.append("  ids are made from row positions: they last while the file is unchanged")
        if source.fresh is False:
            lines.append("  older than fresh_within allows: `forestay nightly` will stop")
    if report.alias_matched or report.alias_unmatched:
        lines.append(f"aliases: {report.alias_matched:,} found, {report.alias_unmatched:,} not")
    if report.unknown_customers:
        lines.append(f"customers without a row in customers: {report.unknown_customers:,}")
    lines += [f"note: {warning}" for warning in report.warnings]
    state = "changed" if report.changed else "unchanged"
    return [*lines, f"data until {report.data_until:%Y-%m-%d %H:%M} UTC; accepted data {state}"]


def problem_lines(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what stands in the way of a good model."""
    return [f"  {problem['code']}: {problem['message']}" for problem in problems]


def _interval(metrics: Mapping[str, float | None], name: str) -> str:
    value, low, high = (metrics.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "unknown"
    return f"{value:.3f}" + ("" if low is None else f" [{low:.3f}, {high:.3f}]")
