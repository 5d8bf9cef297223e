"""What keeps Spark from working is said with what to do, nothing is half written, and the run goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from crmlib import runner
from crmlib.client import load_client
from crmlib.engine import EngineFailed, engine_failure, open_engine, serving
from crmlib.problems import UnusableInput
from crmlib.reaching import failure_in_words
from tests.conftest import write_client
from tests.spark.conftest import LIGHT

ORDERS = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,9\n2,a,2025-02-02,9\n"


def java_that_says(folder: Path, version: str) -> Path:
    """A home of Java whose program says that it is of this version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return folder


def test_without_java_it_is_said_and_nothing_is_written(tmp_path, monkeypatch):
    client = write_client(tmp_path / "client", "engine: spark\n", orders=ORDERS)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UnusableInput, match=r"client.yaml, engine: found no Java .* expected Java 17 or newer") as said:
        runner.run(client, output=tmp_path / "out")
    assert "openjdk-17-jre-headless" in str(said.value)
    assert not (tmp_path / "out" / "workspace").exists()


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "16"])
def test_an_older_java_is_named_with_its_place(version, tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(java_that_says(tmp_path / "old", version)))
    with pytest.raises(EngineFailed) as failed, serving("spark", tmp_path):
        pass
    assert failed.value.cause == "old_java"
    assert failed.value.values["found"] == int(version.removeprefix("1.").partition(".")[0])
    assert failed.value.values["path"] == str(tmp_path / "old" / "bin" / "java")


def test_a_home_of_java_that_is_not_there_is_no_java(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    with pytest.raises(EngineFailed, match="no_java"), serving("spark", tmp_path):
        pass


def test_without_the_extra_the_command_to_install_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(EngineFailed, match="not_installed"):
        open_engine("sc://localhost:1", tmp_path)


@pytest.mark.parametrize(
    ("name", "said", "what"),
    [
        ("SparkException", "Task failed\njava.io.IOException: No space left on device", "the disk is full"),
        ("SparkConnectGrpcException", "java.lang.OutOfMemoryError: Java heap space", "memory did not suffice"),
        ("AnalysisException", "[PATH_NOT_FOUND] Path does not exist: file:/a", "that all of its computers share"),
        ("SparkException", "AccessControlException: Permission denied: user=ann", "no right to read"),
        ("SparkConnectGrpcException", "[OPERATION_CANCELED] by ann", "somebody has stopped the query"),
        ("RetriesExceeded", "[RETRIES_EXCEEDED] The maximum", "Spark has stopped in the middle"),
    ],
)
def test_what_spark_says_in_a_chapter_becomes_what_to_do(name, said, what):
    assert what in failure_in_words(name, said)


def test_a_fault_of_a_measure_is_no_failure_of_the_engine():
    assert failure_in_words("KeyError", "UNAVAILABLE") == ""
    assert failure_in_words("AnalysisException", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column") == ""


@pytest.mark.parametrize("wrong", ["sparc", "spark:/host", "sc://", "Spark"])
def test_an_engine_that_does_not_exist_is_refused_with_the_nearest(wrong, tmp_path):
    with pytest.raises(UnusableInput, match="expected duckdb, spark, spark://host:port or sc://host:port"):
        load_client(write_client(tmp_path, f"engine: '{wrong}'\n", orders=ORDERS))


def test_a_setting_that_is_none_of_spark_is_refused_with_its_line(tmp_path):
    with pytest.raises(UnusableInput, match=r"line \d+, column \d+: .*spark.driver.memory: 8g"):
        load_client(write_client(tmp_path, "engine: spark\nspark: {memory: 8g}\n", orders=ORDERS))


# With a real server


def test_a_server_that_does_not_answer_is_named(spark_address, tmp_path):
    with pytest.raises(EngineFailed, match="Connection refused") as failed:
        open_engine("sc://localhost:1", tmp_path)
    assert failed.value.cause == "not_reached"
    assert failed.value.values["address"] == "sc://localhost:1"


def test_who_has_not_the_token_is_not_let_in_and_the_token_is_not_said(spark_address, tmp_path):
    with pytest.raises(EngineFailed) as failed:
        open_engine(spark_address.partition("token=")[0] + "token=guessed", tmp_path)
    assert failed.value.cause == "not_reached"
    assert "guessed" not in str(failed.value)


def test_settings_that_spark_does_not_take_are_said_in_its_words(spark_address, tmp_path):
    with pytest.raises(EngineFailed, match="Master") as failed, serving("spark", tmp_path, {"spark.master": "oops"}):
        pass
    assert failed.value.cause == "not_started"
    assert not list(tmp_path.glob(".spark-*"))


def _java_below(process: int) -> psutil.Process:
    return next(one for one in psutil.Process(process).children(recursive=True) if "java" in one.name())


def test_a_server_that_is_killed_in_the_middle_of_a_query_is_told_as_lost(spark_address, tmp_path):
    from pyspark.errors import PySparkException

    before = {one.pid for one in psutil.Process().children(recursive=True)}
    with serving("spark", tmp_path, LIGHT) as address:
        connection = open_engine(address, tmp_path)
        java = next(
            one for one in psutil.Process().children(recursive=True) if one.pid not in before and "java" in one.name()
        )
        threading.Timer(3, java.kill).start()
        with pytest.raises(PySparkException) as stopped:
            connection.raw_sql("SELECT sum(sqrt(id)) FROM range(100000000000)").toPandas()
        failed = engine_failure(type(stopped.value).__name__, str(stopped.value))
        assert failed is not None
        assert failed.cause == "lost"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_server_ends_with_the_process_that_started_it_and_leaves_nothing(spark_address, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from crmlib.engine import serving\n"
        f"with serving('spark', Path({str(tmp_path)!r}), {LIGHT!r}) as address:\n"
        "    print(address, flush=True); time.sleep(600)"
    )
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline().startswith("sc://localhost:")
    java = _java_below(started.pid)
    assert list(tmp_path.glob(".spark-*"))
    started.send_signal(signal.SIGKILL)
    started.wait()
    java.wait(60)
    deadline = time.monotonic() + 60
    while list(tmp_path.glob(".spark-*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not list(tmp_path.glob(".spark-*"))
