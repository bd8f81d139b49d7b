"""How a source names its data: a path, a glob, or a database, with `${NAME}` for secrets.

Holds only the form; the environment is read by `features/settings`, the data by ingest.
"""

import re

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
DATABASES = ("duckdb", "postgresql", "postgres")
#: Files that are databases without saying so.
DATABASE_FILES = (".duckdb", ".db")


def scheme_of(uri: str) -> str | None:
    """Return what stands before `://`; None for a path.

    >>> scheme_of("postgresql://${DATABASE}/shop"), scheme_of("orders/*.csv")
    ('postgresql', None)
    """
    found = _SCHEME.match(uri)
    return found[1].lower() if found else None


def is_database(uri: str) -> bool:
    """Tell whether a uri names a database, and so needs a table beside it.

    >>> is_database("postgresql://${DATABASE}/shop"), is_database("shop.duckdb")
    (True, True)
    """
    is_file = scheme_of(uri) in (None, "file") and uri.lower().endswith(DATABASE_FILES)
    return is_file or scheme_of(uri) in DATABASES


def may_be_database(uri: str) -> bool:
    """Tell whether a uri is a database, or begins with a variable that may hold one whole."""
    return is_database(uri) or VARIABLE.match(uri) is not None


def uri_problem(uri: str) -> str | None:
    """Say what is wrong with a uri's form, without showing it; None when nothing is."""
    if "$" in VARIABLE.sub("", uri):
        return "a `$` that is not part of `${NAME}`"
    scheme = scheme_of(uri)
    if scheme and scheme not in (*DATABASES, "file"):
        return f"`{scheme}://` is not a kind of source"
    return None
