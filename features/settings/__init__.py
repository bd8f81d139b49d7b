"""Settings of the process and of a workspace: the only reader of the environment.

`SETTINGS` lists every variable that is read, or set for the libraries below. What a workspace says
stands in its `forestay.yaml`, read by `workspace_file`. Values of variables may be secret: they go
into a resolved uri and nowhere else.
"""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from features.errors import BadInput
from features.settings.source_uri import VARIABLE, scheme_of
from features.workspace import Workspace

__all__ = [
    "SETTINGS",
    "Setting",
    "load_workspace",
    "mlflow_tracking_uri",
    "prepare_process",
    "resolve_uri",
    "value_of",
]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One variable of the environment: what it does, and what holds without it.

    ``ours`` marks those set by Forestay itself, whatever they were: every process must be alike.
    """

    name: str
    default: str | None
    unit: str
    help: str
    ours: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="MLFLOW_TRACKING_URI",
        default=None,
        unit="uri",
        help="Where MLflow keeps runs and models; without it, mlruns/ in the workspace.",
    ),
    Setting(
        name="FORESTAY_WORKSPACE",
        default=".",
        unit="folder",
        help="The workspace whose definitions Feast's own tools read from feast_repo/.",
    ),
    Setting(
        name="FORESTAY_KEY",
        default=None,
        unit="key",
        help="The key of whoever runs a command that changes which model serves; records then name"
        " its owner instead of the user of the operating system.",
    ),
    Setting(
        name="FORESTAY_BEHIND_PROXY",
        default="0",
        unit="0 or 1",
        help="Whether a proxy ends TLS before a service that BentoML runs; without it and without"
        " TLS, such a service answers on this machine alone.",
    ),
    Setting(
        name="PROMETHEUS_MULTIPROC_DIR",
        default=None,
        unit="folder",
        help="Where the workers of a service add up their figures; `forestay serve --workers`"
        " makes one.",
    ),
    Setting(
        name="FORESTAY_DATA",
        default="../shared/data",
        unit="folder",
        help="Where the tests find the real data; any forestay.yaml may use it as ${FORESTAY_DATA}"
        " (then it must be set), as it may any other variable.",
    ),
    Setting(
        name="FORESTAY_REQUIRE_SERVICES",
        default="0",
        unit="0 or 1",
        help="Whether a test fails, instead of being skipped, where its data or server is absent.",
    ),
    Setting(
        name="TZ",
        default="UTC",
        unit="time zone",
        help="Time zone of the process; naive times differ between libraries in any other.",
        ours=True,
    ),
    Setting(
        name="OMP_WAIT_POLICY",
        default="PASSIVE",
        unit="policy",
        help="How idle OpenMP threads wait; active ones take seconds on a busy machine.",
        ours=True,
    ),
    Setting(
        name="MLFLOW_DISABLE_TELEMETRY",
        default="true",
        unit="flag",
        help="Keeps MLflow from sending usage data.",
        ours=True,
    ),
    Setting(
        name="MLFLOW_HTTP_REQUEST_MAX_RETRIES",
        default="2",
        unit="times",
        help="How often a server of MLflow is asked again; seven times take minutes in silence.",
        ours=True,
    ),
    Setting(
        name="BENTOML_DO_NOT_TRACK",
        default="True",
        unit="flag",
        help="Keeps BentoML from sending usage data; it reads exactly this spelling.",
        ours=True,
    ),
    Setting(
        name="DO_NOT_TRACK",
        default="true",
        unit="flag",
        help="Keeps other libraries from sending usage data.",
        ours=True,
    ),
)


def prepare_process() -> None:
    """Make every process alike: UTC, patient OpenMP threads, no telemetry.

    Called before anything heavy is imported, by the command line and by the tests.
    """
    os.environ.update({s.name: s.default for s in SETTINGS if s.ours and s.default is not None})
    time.tzset()


def load_workspace(folder: Path) -> Workspace:
    """Read a workspace's `forestay.yaml`, telling every fault at once.

    Parameters
    ----------
    folder : the folder that holds the file.

    Returns
    -------
    workspace : all defaults filled in; sources keep their `${NAME}` uris as written.

    Raises
    ------
    NotReady : there is no such file.
    BadInput : it cannot be read or used; `Faults` when there are several.
    """
    from features.settings.workspace_file import (
        read_workspace,  # Arrow, which a start-up does not need
    )

    return read_workspace(folder)


def value_of(name: str) -> str | None:
    """Return a variable of `SETTINGS`, or its default; an empty one counts as absent."""
    setting = {s.name: s for s in SETTINGS}[name]
    return os.environ.get(name) or setting.default


def mlflow_tracking_uri(workspace: Workspace) -> str:
    """Return where MLflow keeps its runs: the user's server, else the workspace's own folder."""
    own = workspace.folder.resolve() / "mlruns" / "mlflow.db"
    return value_of("MLFLOW_TRACKING_URI") or f"sqlite:///{own}"


def resolve_uri(uri: str, workspace: Workspace) -> str:
    """Turn a source's uri into one that can be opened.

    `${NAME}` is replaced from the environment, and a relative path starts at the workspace's
    folder. The result may hold a secret: open it, do not show it. Database uris keep their form
    (`postgresql://...`); of `duckdb://file`, the file becomes absolute (`duckdb:///there/file`).

    Raises
    ------
    BadInput : a variable is not set; the message names the variable only.
    """

    def substitute(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if value:
            return value
        raise BadInput(
            "forestay.yaml",
            f"the environment has no `{found[1]}`, which a source's uri uses",
            f"a value for `{found[1]}`",
            f"set it, as in `export {found[1]}=...`, and run the command again",
        )

    text = VARIABLE.sub(substitute, uri)
    if text.startswith("duckdb://"):
        return f"duckdb://{workspace.folder.resolve() / text.removeprefix('duckdb://')}"
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    elif scheme_of(text):
        return text
    return str(workspace.folder.resolve() / Path(text).expanduser())
