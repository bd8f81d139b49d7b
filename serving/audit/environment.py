"""Who acts, and in which environment: what a record names so that it can be made again there."""

import os
import platform
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from pathlib import Path

#: Packages whose arithmetic a record rests on.
PACKAGES = ("forestay", "lightgbm", "numpy", "scipy", "pyarrow", "duckdb", "numba", "scikit-learn")


_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Act in somebody's name: of a caller whose key or token was checked."""
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> str:
    """Name who acts: a checked caller, else the user of the operating system.

    What the environment says of the user does not count.
    """
    if (name := _acting.get()) is not None:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without a user of that number
        return f"user {os.getuid()}"


@cache
def environment() -> dict[str, str]:
    """Name what the last bits of a result depend on: packages, Python and the family of the CPU."""
    packages = {name: version(name) for name in PACKAGES}
    return {**packages, "python": platform.python_version(), "cpu": _cpu()}


def _cpu() -> str:
    """Name the kind of CPU; kernels of the libraries choose their instructions by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}".strip()
    facts = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines) if v}
    names = ("vendor_id", "cpu family", "model")
    wide = [flag for flag in ("avx2", "avx512f") if flag in facts.get("flags", "").split()]
    known = [facts[name] for name in names if name in facts]
    return " ".join([platform.machine(), *known, *wide])
