"""How a command fails: one readable message, never a traceback, and the right exit code."""

import errno
import json
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from features.errors import Faults, ForestayError, Unavailable

MUST_CHANGE, INTERRUPTED = 1, 130

#: Packages whose messages hold cells of the user's tables.
_QUOTING = ("_duckdb", "duckdb", "pyarrow", "polars", "pandas")
_DISK: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space and run the command again"),
    errno.EDQUOT: ("the quota of the disk is used up", "free some space and run it again"),
    errno.EFBIG: ("a file may not grow any further", "raise the limit on file sizes"),
    errno.EACCES: ("it may not be read or written", "give yourself the right to"),
    errno.EPERM: ("it may not be read or written", "give yourself the right to"),
    errno.EROFS: ("it lies on a disk that cannot be written", "choose another folder"),
    errno.EMFILE: ("too many files are open", "raise the limit on open files"),
}


@contextmanager
def failing_readably(folder: Path, *, as_json: bool) -> Iterator[None]:
    """Turn whatever a command raises into a message and an exit code."""
    try:
        yield
    except ForestayError as error:
        refuse(error, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command again to go on.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last door: nobody should see a traceback
        refuse(_said(error, folder), as_json=as_json)


def refuse(error: ForestayError, *, as_json: bool) -> None:
    """Say what was wrong on stderr (and as JSON on stdout), and exit 1."""
    click.echo(str(error), err=True)
    if as_json:
        click.echo(json.dumps({"error": described(error)}, ensure_ascii=False, indent=2))
    raise click.exceptions.Exit(MUST_CHANGE)


def described(error: ForestayError) -> dict[str, Any]:
    """Return an error's four fields, and those of every fault where there are several."""
    fields: dict[str, Any] = dict(error.as_dict())
    if isinstance(error, Faults):
        fields["faults"] = [fault.as_dict() for fault in error.faults]
    return fields


def _said(error: Exception, folder: Path) -> ForestayError:
    if isinstance(error, OSError) and error.errno in _DISK:
        problem, remedy = _DISK[error.errno]
        return Unavailable(
            str(error.filename or folder), problem, "a place that can be written", remedy
        )
    log = _log(folder, _trace(error))
    return ForestayError(
        "forestay",
        f"this is a bug of Forestay, not of yours ({type(error).__name__})",
        "a result, or a message that says what to change",
        f"report it with the file {log}; it may hold names of your files and columns",
    )


def _trace(error: Exception) -> str:
    """Write the traceback; the words of data libraries stay out, for they quote the data."""
    lines = traceback.format_exception(error)
    if any(type(one).__module__.split(".")[0] in _QUOTING for one in _chain(error)):
        lines = [*traceback.format_tb(error.__traceback__), type(error).__name__]
    return "".join(lines)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Go from an error to what it came from: a traceback shows the words of them all."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _log(folder: Path, trace: str) -> Path:
    """Write the traceback where only the user sees it, without the values of any cell."""
    name = f"bug-{time.strftime('%Y%m%dT%H%M%S')}.log"
    home = folder / ".forestay" if (folder / "forestay.yaml").is_file() else None
    try:
        if home is None:
            raise FileNotFoundError
        home.joinpath("log").mkdir(parents=True, exist_ok=True)
        path = home / "log" / name
        path.write_text(trace, encoding="utf-8")
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="forestay-")) / name
        path.write_text(trace, encoding="utf-8")
    return path
