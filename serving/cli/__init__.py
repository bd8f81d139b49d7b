"""`forestay`: one file a command; each parses, calls and prints, and decides nothing.

Nothing heavy is imported here: a command's own file is loaded when it is called, and the process
is prepared (`features.settings`) when the command runs, so that `forestay --help` answers at once.
"""

import sys
from importlib import import_module
from typing import Any

__all__ = ["COMMANDS", "main"]

#: Every command with what it does, in the order a newcomer needs them.
COMMANDS = {
    "demo": "Simulate a company, then do everything below on it.",
    "init": "Look at files and propose a forestay.yaml.",
    "check": "Tell everything that is wrong or missing; change nothing.",
    "ingest": "Read the sources, check every row, keep what is right.",
    "features": "Build the features of every customer as of a date.",
    "train": "Train, test and register a model for each target.",
    "backtest": "Replay history: how every month's model would have done, how long models last.",
    "retrain": "Train, gate, promote or say why not, on one page.",
    "models": "Look at the models; compare, promote, roll back, try one in the shadow.",
    "nightly": "Score everyone, decide, and write the list.",
    "run": "Ingest, features, train and nightly, in one go.",
    "rules": "Check the policy; ask why; see what another would have done.",
    "outcomes": "Take results back: what was sent, and how it was answered.",
    "audit": "Look at any decision, prove it untouched, make it again; erase a person.",
    "keys": "Make, list and revoke keys of the service.",
    "serve": "Answer the CRM over HTTP, in milliseconds.",
}


def main(arguments: list[str] | None = None) -> Any:  # noqa: ANN401 - whatever click returns
    """Run the command line; the entry point of the package."""
    from serving.cli.group import forestay

    return forestay(args=arguments, prog_name="forestay")


def module_of(name: str) -> Any:  # noqa: ANN401 - a module
    """Import the file of a command."""
    return import_module(f"serving.cli.{name}")


if __name__ == "__main__":
    sys.exit(main())
