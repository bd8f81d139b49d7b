"""The few words of SQL composed from names and texts; the rest is written out where it runs."""

#: Columns beside those of a source or of the contract; no file has names like these.
FILE, ROW, BROKEN = "forestay file", "forestay row", "forestay broken"


def quoted(name: str) -> str:
    """Write a name so that nothing in it is read as SQL.

    >>> print(quoted('the "ID" column'))
    "the ""ID"" column"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text constant.

    >>> literal("O'Neill")
    "'O''Neill'"
    """
    return "'" + text.replace("'", "''") + "'"
