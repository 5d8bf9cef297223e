"""Pandera models of the contract's tables, for pandas and for Ibis tables, made from one declaration."""

from __future__ import annotations

from typing import Any

from crmlib.contract.tables import TABLES, Column

_PANDAS_TYPES = {
    "text": "str",
    "time": "datetime64[us]",
    "date": "datetime64[us]",
    "number": "float64",
    "whole": "int64",
    "flag": "boolean",
}
_IBIS_TYPES = {
    "text": "String",
    "time": "Timestamp",
    "date": "Date",
    "number": "Float64",
    "whole": "Int64",
    "flag": "Boolean",
}


def validate(table: Any, name: str) -> Any:
    """Check a table against the contract and answer it unchanged (pandas or Ibis; same kind out).

    Only the columns that are present are checked, and the required ones must be. Columns that the contract does not
    know are let through only where the table is open to them (``item_…`` in surveys).

    Raises:
        pandera.errors.SchemaErrors: with one row per failed check, all checks at once.
        KeyError: the contract has no such table.

    >>> import pandas as pd
    >>> spend = pd.DataFrame({"spent_on": pd.to_datetime(["2025-01-01"]), "channel": ["search"], "cost": [-5.0]})
    >>> import pandera.errors
    >>> try:
    ...     validate(spend, "spend")
    ... except pandera.errors.SchemaErrors as error:
    ...     print(error.failure_cases[["column", "check"]].to_string(index=False, header=False))
    cost greater_than_or_equal_to(0)
    """
    import pandas as pd

    if isinstance(table, pd.DataFrame):
        return model(name, columns=list(table.columns)).validate(table, lazy=True)
    # Engines differ in the precision of their timestamps; the contract asks for a timestamp of any precision.
    times = {
        c.name: table[c.name].cast("timestamp")
        for c in TABLES[name].columns
        if c.kind == "time" and c.name in table.columns
    }
    model(name, columns=list(table.columns), ibis=True).validate(table.mutate(**times) if times else table, lazy=True)
    return table


def model(name: str, *, columns: list[str] | None = None, ibis: bool = False) -> Any:
    """The pandera schema of a contract table, for pandas data frames or (``ibis=True``) for Ibis tables.

    ``columns`` restricts the optional columns to those named; the required ones are always part of the schema.
    """
    if ibis:
        import pandera.ibis as backend
    else:
        import pandera.pandas as backend  # type: ignore[no-redef]

    def type_of(kind: str) -> Any:
        if not ibis:
            return _PANDAS_TYPES[kind]
        from ibis.expr import datatypes

        return getattr(datatypes, _IBIS_TYPES[kind])

    contract = TABLES[name]
    wanted = [c for c in contract.columns if columns is None or c.required or c.name in columns]
    schema = {
        column.name: backend.Column(
            type_of(column.kind),
            checks=_checks(column, backend),
            nullable=not column.required,
            unique=column.name == contract.key and not ibis,
            description=column.about,
            metadata={"unit": column.unit, "identity": column.identity},
        )
        for column in wanted
    }
    if contract.open_columns:
        schema[f"^{contract.open_columns}.+$"] = backend.Column(
            type_of("number"), nullable=True, required=False, regex=True
        )
    more: Any = {"unique": [contract.key]} if ibis and contract.key else {}
    return backend.DataFrameSchema(
        schema,
        name=name,
        description=contract.about,
        strict=True,
        **more,
    )


def _checks(column: Column, backend: Any) -> list[Any]:
    checks = []
    if column.low is not None:
        checks.append(backend.Check.ge(column.low))
    if column.high is not None:
        checks.append(backend.Check.le(column.high))
    if column.allowed:
        checks.append(backend.Check.isin(list(column.allowed)))
    return checks
