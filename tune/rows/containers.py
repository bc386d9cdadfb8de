"""Records in files: JSON, JSON Lines, CSV and Parquet. What a record means is in `shapes`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from kb.errors import Rejected

Record = Mapping[str, Any]

MOST_UNPACKED_BYTES = 1 << 30
"""Of Parquet: a few kilobytes can stand for any number of rows."""
BATCH_ROWS, RECORD_BYTES = 256, 200

_NEEDS_PYARROW = "Parquet needs pyarrow: install the extra `tune` (make tune), or send JSON Lines."


def read_records(data: bytes, name: str) -> list[Record]:
    """The records of a file, by its name, or by its first bytes where that tells nothing.

    Raises:
        Rejected: it is not UTF-8, damaged, or no list of records.
    """
    if data.startswith(b"PAR1"):
        return _read_parquet(data)
    text = _text(data)
    if name.lower().endswith(".csv"):
        csv.field_size_limit(1 << 30)
        found: Any = list(csv.DictReader(io.StringIO(text, newline="")))
    else:
        found = _read_json(text)
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Rejected("The file is no list of records: send JSON, JSON Lines, CSV or Parquet.")
    return found


def write_records(records: Sequence[Record], kind: str) -> bytes:
    """Records as `json`, `jsonl`, `csv` or `parquet`. Raises Rejected without pyarrow."""
    if kind == "parquet":
        return _write_parquet(records)
    if kind == "json":
        return (json.dumps(records, ensure_ascii=False, indent=2) + "\n").encode()
    if kind == "jsonl":
        return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in records).encode()
    columns = dict.fromkeys(name for each in records for name in each)
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, list(columns), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return target.getvalue().encode()


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise Rejected(
            f"The file is not UTF-8 (byte {exc.start}). Bring it over, for example with "
            "`iconv -f gb18030 -t utf-8`."
        ) from exc


def _read_json(text: str) -> Any:
    try:
        if text.lstrip().startswith("["):
            return json.loads(text)
        lines = enumerate(text.split("\n"), start=1)
        return [_line(number, line) for number, line in lines if line.strip()]
    except (ValueError, RecursionError) as exc:
        raise Rejected(f"The file is no JSON: {exc}") from exc


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as exc:
        raise ValueError(f"line {number}: {exc}") from exc


def _read_parquet(data: bytes) -> list[Record]:
    try:
        from pyarrow import ArrowException, BufferReader, parquet
    except ImportError as exc:
        raise Rejected(_NEEDS_PYARROW) from exc
    found: list[Record] = []
    room = MOST_UNPACKED_BYTES
    try:
        for batch in parquet.ParquetFile(BufferReader(data)).iter_batches(BATCH_ROWS):
            room -= batch.nbytes + batch.num_rows * RECORD_BYTES
            if room < 0:
                raise Rejected("The Parquet file unpacks to more than 1 GiB. Send it in parts.")
            found += batch.to_pylist()
    except (ArrowException, OSError) as exc:
        raise Rejected("The Parquet file is damaged.") from exc
    return found


def _write_parquet(records: Sequence[Record]) -> bytes:
    try:
        from pyarrow import Table, parquet
    except ImportError as exc:
        raise Rejected(_NEEDS_PYARROW) from exc
    names = dict.fromkeys(name for each in records for name in each)  # the first has not all
    columns = {name: [each.get(name) for each in records] for name in names}
    if "tools" in columns:  # every definition has fields of its own, a column has not
        columns["tools"] = [json.dumps(each) for each in columns["tools"]]
    target = io.BytesIO()
    parquet.write_table(Table.from_pydict(columns), target)
    return target.getvalue()
