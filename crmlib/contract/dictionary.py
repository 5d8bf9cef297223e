"""The data dictionary, generated from the contract."""

from __future__ import annotations

from crmlib.contract.tables import TABLES, Column, Table

_KINDS = {
    "text": "text",
    "time": "date and time",
    "date": "date",
    "number": "number",
    "whole": "whole number",
    "flag": "true or false",
}


def data_dictionary() -> str:
    """The contract in words, as Markdown: one section per table, one row per column.

    >>> print(data_dictionary().splitlines()[0])
    # Data dictionary
    """
    parts = [
        "# Data dictionary",
        "",
        "Generated from `crmlib/contract/tables.py` by `python -m crmlib.contract.dictionary`; do not edit.",
        "Columns marked * are required. Times are stored in UTC and shown in the client's zone, money is in the"
        " client's currency.",
    ]
    for table in TABLES.values():
        parts += ["", f"## {table.name}", "", table.about(), ""]
        if table.key:
            parts += [f"One row per `{table.key}`.", ""]
        parts += ["| column | type | unit | what it holds |", "| --- | --- | --- | --- |"]
        parts += [
            f"| {one.name}{'*' * one.required} | {_KINDS[one.kind]} | {one.unit} | {_about(table, one)} |"
            for one in table.columns
        ]
        if table.open_columns:
            parts.append(f"| {table.open_columns}… | number | | any number of further items |")
    return "\n".join(parts) + "\n"


def _about(table: Table, column: Column) -> str:
    about = table.about(column.name)
    if column.allowed:
        about += f" ({', '.join(column.allowed)})"
    if column.low is not None and column.high is not None:
        about += f"; {column.low:g} to {column.high:g}"
    elif column.low is not None:
        about += f"; at least {column.low:g}"
    if column.identity:
        about += "; identity: not copied into the workspace"
    return about


if __name__ == "__main__":
    print(data_dictionary(), end="")
