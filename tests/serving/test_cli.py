"""The command line: help at once, one shape of answer and of failure."""

import errno
import json
import subprocess
import sys

import click
import duckdb
import pytest
from click.testing import CliRunner

from features.errors import BadInput, Faults
from serving.cli import COMMANDS, main, module_of
from serving.cli.command import Answer, as_command
from serving.cli.group import forestay

HEAVY = (
    "duckdb", "pandas", "ibis", "pyarrow", "numpy", "sklearn", "lightgbm", "mlflow", "shap",
    "feast", "matplotlib", "pydantic", "rich", "jinja2", "xlsxwriter", "sqlglot",
)  # fmt: skip


def failing(error):
    """Make a command that fails."""

    @as_command("try", examples=["forestay try"])
    def command(here):
        """Try."""
        raise error

    return command


def test_help_imports_nothing_heavy():
    """`forestay --help` must answer in under half a second, on any machine."""
    script = (
        "import sys; from serving.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_workspace_and_json_and_shows_examples(name):
    """What the design promises of all commands holds for each."""
    command = module_of(name).command
    ones = command.commands.values() if isinstance(command, click.Group) else [command]
    for one in ones:
        assert {"--workspace", "--json"} <= {opt for param in one.params for opt in param.opts}
        shown = CliRunner().invoke(one, ["--help"]).output
        assert "Examples:\n    forestay " in shown


def test_command_answers_machines_with_json_only(tmp_path):
    """Stdout holds the JSON and nothing else; progress goes to stderr."""

    @as_command("try", examples=["forestay try"])
    def command(here):
        """Try."""
        with here.progress.step("working", total=2) as step:
            step.advance()
        return Answer(data={"name": "王"}, lines=["done"])

    done = CliRunner().invoke(command, ["--json", "--workspace", str(tmp_path)])
    assert json.loads(done.stdout) == {"name": "王"}
    assert done.stderr == "working\n"
    assert CliRunner().invoke(command, []).stdout == "done\n"


def test_command_tells_an_error_once_and_exits_1(tmp_path):
    """Where, problem, expected, remedy; no traceback, nothing on stdout."""
    done = CliRunner().invoke(failing(BadInput("a.csv", "no date", "a date", "add it")), [])
    assert done.exit_code == 1
    assert done.stderr == "a.csv: no date.\nExpected: a date.\nTo fix: add it.\n"
    assert done.stdout == ""


def test_command_tells_errors_to_machines_with_every_fault():
    """The four fields are JSON on stdout, too."""
    faults = Faults([BadInput("a", "b", "c", "d"), BadInput("e", "f", "g", "h")])
    done = CliRunner().invoke(failing(faults), ["--json"])
    error = json.loads(done.stdout)["error"]
    assert error["where"] == "a"
    assert [fault["where"] for fault in error["faults"]] == ["a", "e"]
    assert done.exit_code == 1


def test_command_hides_its_bugs_in_a_log(tmp_path):
    """The user reads one sentence; the traceback waits in a file below .forestay."""
    (tmp_path / "forestay.yaml").write_text("name: x\n")
    done = CliRunner().invoke(failing(ValueError("inner")), ["--workspace", str(tmp_path)])
    assert done.exit_code == 1
    assert "this is a bug of Forestay" in done.stderr
    assert "Traceback" not in done.stderr
    (log,) = (tmp_path / ".forestay" / "log").glob("*.log")
    assert str(log) in done.stderr
    assert "ValueError: inner" in log.read_text()


def test_the_log_of_a_bug_holds_no_cell(tmp_path):
    """Data libraries quote the value that failed; it may be a customer."""
    (tmp_path / "forestay.yaml").write_text("name: x\n")
    error = duckdb.ConversionException("Could not convert string 'ann@example.org' to BOOL")
    CliRunner().invoke(failing(error), ["--workspace", str(tmp_path)])
    (log,) = (tmp_path / ".forestay" / "log").glob("*.log")
    assert "ConversionException" in log.read_text()
    assert "ann@example.org" not in log.read_text()


def test_the_log_of_a_bug_holds_no_cell_of_what_it_came_from_either(tmp_path):
    """A traceback shows the words of every error on the way."""
    (tmp_path / "forestay.yaml").write_text("name: x\n")
    error = TypeError("not a table")
    error.__cause__ = duckdb.ConversionException("Could not convert 'ann@example.org'")
    CliRunner().invoke(failing(error), ["--workspace", str(tmp_path)])
    (log,) = (tmp_path / ".forestay" / "log").glob("*.log")
    assert "TypeError" in log.read_text()
    assert "ann@example.org" not in log.read_text()


def test_wrong_usage_is_json_where_a_machine_listens(capsys):
    """Stdout can always be parsed; the exit code stays 2."""
    with pytest.raises(SystemExit) as caught:
        main(["check", "--bogus", "--json"])
    assert caught.value.code == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"] == "forestay check"


def test_command_names_a_full_disk(tmp_path):
    """A full disk is no bug."""
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))
    done = CliRunner().invoke(failing(error), [])
    assert done.exit_code == 1
    assert "the disk is full" in done.stderr


def test_command_stopped_by_hand_exits_130():
    """As every program does."""
    done = CliRunner().invoke(failing(KeyboardInterrupt()), [])
    assert done.exit_code == 130
    assert "Run the same command again" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["nightly", "--as-of", "2011-02-30"], ["nigthly"], ["features", "--as-of"], ["init"]],
)
def test_wrong_usage_exits_2(arguments):
    """Usage is told apart from what is wrong with data."""
    assert CliRunner().invoke(forestay, arguments).exit_code == 2
