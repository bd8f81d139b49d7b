"""A look at files: what each column holds, measured over every row by DuckDB.

Finds facts only (types, distinct values, missing ones, forms of dates and numbers); what a column
may mean is guessed in `features/proposal/roles.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import BadInput, ForestayError, raise_faults
from features.proposal.columns import Column, Kind, Look, quoted, text_literal
from features.proposal.forms import NUMBER_FORMS, TIME_FORMS, epoch_form, number_of, time_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CSV = "read_csv({files}, sample_size = -1, all_varchar = true, union_by_name = true)"
_JSON = "read_json({files}, format = 'newline_delimited', union_by_name = true)"
_PARQUET = "read_parquet({files}, union_by_name = true)"
READERS = {
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
    ".csv": _CSV,
    ".tsv": _CSV,
    ".txt": _CSV,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".json": _JSON,
}
#: Texts people write where nothing is known.
MISSING = ("", "?", "-", "NA", "N/A", "n/a", "NULL", "null", "None", "nan", "NaN")
FEW = 20
_SAMPLE, _FITS = 2_000, 0.98
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
             "UINTEGER", "UBIGINT", "UHUGEINT"}  # fmt: skip
_TIMES = ("DATE", "TIMESTAMP")


def look_at(files: Sequence[Path]) -> tuple[Look, ...]:
    """Measure files, those with the same columns together, telling every unreadable one.

    Raises
    ------
    BadInput : a file is missing, of an unknown kind, or damaged; `Faults` for several.
    """
    import duckdb

    faults: list[ForestayError] = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        shapes: dict[tuple[str, ...], list[Path]] = {}
        for file in sorted({file.resolve() for file in files}):
            try:
                shape = _shape(connection, file)
            except (BadInput, duckdb.Error) as error:
                faults.append(error if isinstance(error, BadInput) else _unreadable(file))
                continue
            shapes.setdefault((suffix_of(file), *shape), []).append(file)
        raise_faults(faults)
        return tuple(_Eye(connection, tuple(group)).look() for group in shapes.values())


def suffix_of(file: Path) -> str:
    """Return the kind of a file, as its name says it."""
    return file.suffix.lower()


def _unreadable(file: Path) -> BadInput:
    return BadInput(
        file.name,
        f"cannot be read as {suffix_of(file).lstrip('.').upper()}",
        "Parquet, CSV or JSON lines, in UTF-8",
        "export it again, or name another file",
    )


def _shape(connection: "DuckDBPyConnection", file: Path) -> tuple[str, ...]:
    if not file.is_file():
        raise BadInput(file.name, "no such file", "a file that exists", "correct the path")
    if suffix_of(file) not in READERS:
        kinds = ", ".join(READERS)
        raise BadInput(file.name, "not a kind of file that is read", kinds, "export it as one")
    query = f"DESCRIBE SELECT * FROM {_reader((file,))}"
    return tuple(row[0] for row in connection.execute(query).fetchall())


def _reader(files: Sequence[Path]) -> str:
    names = ", ".join(text_literal(str(file)) for file in files)
    return READERS[suffix_of(files[0])].format(files=f"[{names}]")


class _Eye:
    """One look: several queries over the same files."""

    def __init__(self, connection: "DuckDBPyConnection", files: tuple[Path, ...]) -> None:
        self.connection, self.files, self.reader = connection, files, _reader(files)
        self.is_bare = READERS[suffix_of(files[0])] == _CSV
        self.source = self.reader
        if "read_parquet" not in self.reader:  # parsing text once is enough
            self.source = "seen"
            connection.execute(f"CREATE OR REPLACE TEMP TABLE seen AS FROM {self.reader}")

    def ask(self, selected: Sequence[str], source: str = "") -> Iterator[Any]:
        row = self.connection.execute(
            f"SELECT {', '.join(selected) or '0'} FROM {source or self.source}"
        ).fetchone()
        return iter(row)

    def look(self) -> Look:
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {self.source}").fetchall()
        types = {name: _kind(type_) for name, type_, *_ in described}
        rows = next(self.ask(["count(*)"]))
        counts = self.ask(
            [f"{count}({quoted(n)})" for n in types for count in ("count", "approx_count_distinct")]
        )
        rough = {name: (next(counts), next(counts)) for name in types}
        columns = self._columns(types, rough, rows)
        return Look(files=self.files, reader=self.reader, rows=rows, columns=columns)

    def _columns(
        self, types: dict[str, Kind], rough: dict[str, tuple[int, int]], rows: int
    ) -> tuple[Column, ...]:
        texts = [name for name, kind in types.items() if kind == "text"]
        numbers = [name for name, kind in types.items() if kind in ("number", "integer")]
        distinct = self._distinct({n: r for n, r in rough.items() if types[n] != "other"})
        values = self._values([name for name, found in distinct.items() if found <= FEW])
        missing = self._missing(texts)
        times = self._time_forms(texts, missing)
        forms = self._number_forms([name for name in texts if name not in times], missing)
        sqls = {n: quoted(n) for n in numbers} | {
            n: number_of(quoted(n), form) for n, form in forms.items()
        }
        lowest, highest = self._bounds(sqls)
        for name in sqls:
            form = epoch_form(name, lowest.get(name), highest.get(name))
            if form:
                times[name] = (form, True, False)
        return tuple(
            Column(
                name=name,
                kind=kind,
                filled=rough[name][0],
                distinct=distinct.get(name, rough[name][1]),
                nulls=rows - rough[name][0],
                values=values.get(name, ()),
                lowest=lowest.get(name),
                highest=highest.get(name),
                missing=missing.get(name, ()),
                time_form=times.get(name, (None,))[0],
                all_times_fit=times.get(name, (None, True))[1],
                month_first_fits_too=times.get(name, (None, True, False))[2],
                number_form=forms.get(name),
                is_bare=self.is_bare,
            )
            for name, kind in types.items()
        )

    def _distinct(self, rough: dict[str, tuple[int, int]]) -> dict[str, int]:
        """Count exactly where it matters: few values, or one a row."""
        exact = [n for n, (filled, d) in rough.items() if d <= 2 * FEW or d >= filled * 0.8]
        counts = self.ask([f"count(DISTINCT {quoted(name)})" for name in exact])
        found = {name: next(counts) for name in exact}
        return {name: found.get(name, d) for name, (_, d) in rough.items()}

    def _values(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        lists = self.ask([f"list(DISTINCT {quoted(n)}::VARCHAR)" for n in names])
        return {n: tuple(sorted(v for v in (next(lists) or ()) if v is not None)) for n in names}

    def _bounds(self, sqls: dict[str, str]) -> tuple[dict[str, float], dict[str, float]]:
        if not sqls:
            return {}, {}
        row = self.ask([f"{f}({sql})::DOUBLE" for f in ("min", "max") for sql in sqls.values()])
        low, high = ({n: next(row) for n in sqls} for _ in range(2))
        return (
            {n: v for n, v in low.items() if v is not None},
            {n: v for n, v in high.items() if v is not None},
        )

    def _missing(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        known = ", ".join(text_literal(word) for word in MISSING)
        lists = self.ask(
            [f"list(DISTINCT {quoted(n)}) FILTER (trim({quoted(n)}) IN ({known}))" for n in names]
        )
        return {name: tuple(sorted(next(lists) or ())) for name in names}

    def _time_forms(
        self, names: Sequence[str], missing: dict[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, bool, bool]]:
        """Find the form that reads every time of a text column, or nearly."""
        found = {}
        for name in names:
            forms = self._fitting(name, missing[name], TIME_FORMS, time_of, whole=False)
            scores = self._fitting(name, missing[name], list(forms), time_of, whole=True)
            if scores:
                best = max(scores, key=lambda form: scores[form])
                other = best.replace("%d/%m", "%m/%d")
                ambiguous = other != best and scores.get(other) == scores[best]
                found[name] = (best, scores[best] == 1, ambiguous)
        return found

    def _number_forms(
        self, names: Sequence[str], missing: dict[str, tuple[str, ...]]
    ) -> dict[str, str]:
        found = {}
        for name in names:
            forms = self._fitting(name, missing[name], list(NUMBER_FORMS), number_of, whole=False)
            scores = self._fitting(name, missing[name], list(forms), number_of, whole=True)
            if scores:
                found[name] = max(scores, key=lambda form: scores[form])
        return found

    def _fitting(
        self,
        name: str,
        missing: Sequence[str],
        forms: Sequence[str],
        read: Callable[[str, str], str],
        *,
        whole: bool,
    ) -> dict[str, float]:
        """Share of the filled values each form reads; only forms that read nearly all."""
        if not forms:
            return {}
        text = quoted(name)
        gone = ", ".join(text_literal(word) for word in ("", *missing))
        filled = f"FILTER ({text} NOT IN ({gone}))"
        some = f"(FROM {self.source} SELECT {text} WHERE {text} NOT IN ({gone}) LIMIT {_SAMPLE})"
        source = self.source if whole else some
        asked = [f"count({read(text, form)}) {filled}" for form in forms]
        total, *counts = self.ask([f"count({text}) {filled}", *asked], source)
        shares = {f: c / total for f, c in zip(forms, counts, strict=True)} if total else {}
        return {form: share for form, share in shares.items() if share >= _FITS}


def _kind(type_: str) -> Kind:
    plain = type_.partition("(")[0]
    if plain in _INTEGERS:
        return "integer"
    if plain in ("FLOAT", "DOUBLE", "DECIMAL"):
        return "number"
    if plain.startswith(_TIMES):
        return "time"
    return {"VARCHAR": "text", "UUID": "text", "BOOLEAN": "flag"}.get(plain, "other")  # type: ignore[return-value]
