"""The group of all commands; loads the file of the one that is called."""

import json

import click

from serving.cli import COMMANDS, module_of


class Commands(click.Group):
    """Commands that are not imported before they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = module_of(cmd_name).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; wrong usage is told on stdout too where a machine listens."""
        as_json = "--json" in (*ctx._protected_args, *ctx.args)  # noqa: SLF001 - click keeps them there
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if as_json:
                click.echo(json.dumps({"error": _usage(error)}, ensure_ascii=False, indent=2))
            raise

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _usage(error: click.UsageError) -> dict[str, str]:
    command = error.ctx.command_path if error.ctx else "forestay"
    return {
        "where": command,
        "problem": error.format_message().rstrip("."),
        "expected": "the usage of the command",
        "remedy": f"look at `{command} --help`",
    }


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forestay")
def forestay() -> None:
    """Tell which customers are about to leave or to complain, why, and what to do for each.

    \b
    forestay demo                        see it on a simulated company
    forestay init sales.csv              begin with your own files
    forestay run                         the whole way, from files to the list

    Every command takes --workspace DIR (default: here) and --json. Exit codes: 0 done;
    1 something of yours must change, and the message says what; 2 wrong usage.
    """  # noqa: D301 - \b is click's mark for a block kept as it is
