"""What the measures ask compiles to the SQL of PostgreSQL, BigQuery and Snowflake, as far as these know how."""

from __future__ import annotations

import re
from typing import Any

import ibis.backends.sql.compilers as compilers
import ibis.common.exceptions as ibis_exceptions
import pytest
from ibis.backends.duckdb import Backend

from crmlib.engine import connect
from tests.spark.measures import ASKED, Tables
from tests.spark.tables import write_tables

DIALECTS = {
    "postgres": compilers.PostgresCompiler,
    "bigquery": compilers.BigQueryCompiler,
    "snowflake": compilers.SnowflakeCompiler,
}
LACKS = {
    "postgres": {},
    "bigquery": {"Quantile": "exact quantiles are no aggregate there: PERCENTILE_CONT is a window function only"},
    "snowflake": {},
}
"""Operations of our measures that Ibis does not compile for a database, and why."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    """All that the measures ask of DuckDB, each once, on tables of no database."""
    tables = Tables(
        connect(), write_tables(tmp_path_factory.mktemp("tables") / "t", seed=1, share=0.1), "Asia/Shanghai"
    )
    found: dict[Any, Any] = {}

    def noted(expression: Any) -> None:
        table = expression.as_table().unbind()
        found.setdefault(table.op(), table)

    execute = Backend.execute

    def noting(self: Any, expression: Any, /, **options: Any) -> Any:
        noted(expression)
        return execute(self, expression, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backend, "execute", noting)
        for ask in ASKED.values():
            answer = ask(tables)
            if hasattr(answer, "as_table"):
                noted(answer)
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_measures_ask_compiles_for_other_databases(dialect: str, asked: dict[Any, Any]) -> None:
    compiler = DIALECTS[dialect]()
    lacks = set()
    for table in asked.values():
        try:
            assert compiler.to_sqlglot(table).sql(dialect=compiler.dialect).startswith(("SELECT", "WITH"))
        except ibis_exceptions.OperationNotDefinedError as missing:
            lacks |= set(re.findall(r"'(\w+)'", str(missing)))
    assert len(asked) > 150
    assert lacks == set(LACKS[dialect])
