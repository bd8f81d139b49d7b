"""A person's rows out of a list, in each of its formats; everybody else's stay as they were."""

import json
import re
import zipfile
from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from features.erasing import drop_rows
from features.whole import write_bytes
from serving.list_files import BYTE_ORDER_MARK, neutralised
from serving.page import json_in_script

_DATA = re.compile(r'(<script type="application/json" id="data">)(.*?)(</script>)', re.DOTALL)
_ROW = re.compile(r"<tr>.*?</tr>\s*", re.DOTALL)
_SHEET = "xl/worksheets/sheet1.xml"
_SHEET_ROW = re.compile(r'<row r="(\d+)".*?</row>', re.DOTALL)
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def erase_from_list(folder: Path, ids: frozenset[str]) -> int:
    """Drop a person from every file of a list; return from how many files."""
    ways = {
        ".parquet": lambda path: drop_rows(path, ids),
        ".csv": lambda path: _csv(path, ids),
        ".xlsx": lambda path: _xlsx(path, ids),
        ".html": lambda path: _html(path, ids),
    }
    files = [path for path in sorted(folder.iterdir()) if path.suffix in ways]
    return sum(bool(ways[path.suffix](path)) for path in files)


def _csv(path: Path, ids: frozenset[str]) -> bool:
    """Drop lines by their customer; all cells are read as the texts they are."""
    content = path.read_bytes()
    options = arrow_csv.ParseOptions(newlines_in_values=True)
    header = arrow_csv.read_csv(pa.BufferReader(content), parse_options=options).column_names
    kinds = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=False,
    )
    rows = arrow_csv.read_csv(
        pa.BufferReader(content), parse_options=options, convert_options=kinds
    )
    mine = pc.is_in(rows["customer_id"], value_set=_as_written(ids))
    if not pc.any(mine).as_py():
        return False
    sink = pa.BufferOutputStream()
    sink.write(BYTE_ORDER_MARK)
    arrow_csv.write_csv(rows.filter(pc.invert(mine)), sink)
    write_bytes(path, sink.getvalue().to_pybytes())
    return True


def _as_written(ids: frozenset[str]) -> pa.Array:
    """Return ids as files for spreadsheets write them."""
    table = neutralised(pa.table({"id": pa.array(sorted(ids), pa.string())}))
    return table["id"].combine_chunks()


def _xlsx(path: Path, ids: frozenset[str]) -> bool:
    """Cut rows out of the sheet, the rows below moving up."""
    with zipfile.ZipFile(path) as book:
        members = {name: book.read(name) for name in book.namelist()}
    sheet = members[_SHEET].decode()
    wanted = [f">{escape(one, quote=False)}</t>" for one in _as_written(ids).to_pylist()]
    removed = 0

    # The rows of a sheet that people open, fifty thousand at most, have no other form than text.
    def moved(found: re.Match[str]) -> str:
        nonlocal removed
        row, number = found[0], int(found[1])
        if any(one in row for one in wanted):
            removed += 1
            return ""
        if not removed:
            return row
        row = row.replace(f'<row r="{number}"', f'<row r="{number - removed}"', 1)
        return re.sub(rf'(<c r="[A-Z]+){number}"', rf'\g<1>{number - removed}"', row)

    members[_SHEET] = _SHEET_ROW.sub(moved, sheet).encode()
    if not removed:
        return False
    beside = path.with_name(f".{path.name}.new")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(zipfile.ZipInfo(name, _EARLIEST), content, zipfile.ZIP_DEFLATED)
    beside.replace(path)
    return True


def _html(path: Path, ids: frozenset[str]) -> bool:
    """Cut rows out of the page: of what is shown, and of what its scripts show."""
    text = path.read_text("utf-8")
    found = _DATA.search(text)
    if found is None:
        return False
    data = json.loads(found[2])
    people = data["customer_id"]
    gone = {place for place, one in enumerate(people) if one in ids}
    if not gone:
        return False
    for name, column in data.items():
        if isinstance(column, list) and len(column) == len(people) and name != "decisions":
            data[name] = [value for place, value in enumerate(column) if place not in gone]
    text = text[: found.start(2)] + json_in_script(data) + text[found.end(2) :]
    cells = [f'<td class="id">{escape(one)}<' for one in ids]
    text = _ROW.sub(lambda row: "" if any(cell in row[0] for cell in cells) else row[0], text)
    write_bytes(path, text.encode())
    return True
