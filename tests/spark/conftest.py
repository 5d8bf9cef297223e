"""One Spark for all tests of this room: `make test-spark`. Where there is none, they are skipped."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmlib.engine import serving

LIGHT = {
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Small tables are done sooner by plans that are not compiled to Java's own code."""

NEEDS = {"spark_address", "asked"}
"""What these tests take: a server, or minutes that `make test` is spared."""
there = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in (one for one in items if isinstance(one, pytest.Function)):
        if Path(__file__).parent in item.path.parents and not there and NEEDS & set(item.fixturenames):
            item.add_marker(pytest.mark.skip("takes Java and the extra spark: make test-spark"))


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Spark Connect server listens."""
    with serving("spark", tmp_path_factory.mktemp("spark"), LIGHT) as address:
        yield address
