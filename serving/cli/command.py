"""What all commands share: --workspace and --json, one way to answer and one way to fail."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from features.progress import Progress
from serving.cli.failure import failing_readably

if TYPE_CHECKING:
    from features.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Here:
    """Where and how a command was called."""

    folder: Path
    as_json: bool
    progress: Progress

    def workspace(self) -> "Workspace":
        """Read the workspace's forestay.yaml."""
        from features.settings import load_workspace

        return load_workspace(self.folder)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command says: data for machines, lines for people."""

    data: Mapping[str, Any]
    lines: Sequence[str]

    def show(self, *, as_json: bool) -> None:
        """Print to stdout; nothing else ever goes there."""
        if as_json:
            click.echo(json.dumps(self.data, ensure_ascii=False, indent=2, default=str))
        else:
            click.echo("\n".join(self.lines))


def as_command(
    name: str, *, examples: Sequence[str], default_folder: str = "."
) -> Callable[[Callable[..., Answer]], click.Command]:
    """Make a function of `Here` and its options a command, with examples in its help."""

    def make(function: Callable[..., Answer]) -> click.Command:
        @functools.wraps(function)
        def run(*, workspace: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - whatever the command takes
            folder = Path(workspace).resolve()
            _prepare()
            with failing_readably(folder, as_json=as_json):
                from serving.cli.progress import shown_progress

                with shown_progress() as progress:
                    here = Here(folder=folder, as_json=as_json, progress=progress)
                    answer = function(here, **options)
                answer.show(as_json=as_json)

        made = click.command(name, epilog=_epilog(examples))(run)
        made.params += [_workspace(default_folder), _AS_JSON]
        return made

    return make


def _prepare() -> None:
    """Make the process like every other, before anything heavy is imported."""
    from features.settings import prepare_process

    prepare_process()


def _epilog(examples: Sequence[str]) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def _workspace(default: str) -> click.Option:
    return click.Option(
        ["--workspace"],
        metavar="DIR",
        default=default,
        show_default="here" if default == "." else default,
        help="Folder that holds forestay.yaml.",
    )


_AS_JSON = click.Option(
    ["--json", "as_json"],
    is_flag=True,
    help="Answer in JSON on stdout; progress stays on stderr.",
)


class Day(click.ParamType[Any]):
    """A calendar day of the workspace, such as 2011-12-10."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """Parse an ISO date; wrong usage where it is none."""
        from datetime import date

        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2011-12-10", param, ctx)


DAY = Day()
