"""The sample brand's chapters say on Spark what they say on DuckDB: the same tables, lists and findings.

``CRMLIB_SPARK_CHAPTERS`` names chapters, ``01,03,04,05,08,13`` for all of them; by default it is one.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from crmlib import runner
from tests.spark.conftest import LIGHT

CHAPTERS = os.environ.get("CRMLIB_SPARK_CHAPTERS", "05").split(",")


def run_on(engine: str, sample: Path, folder: Path) -> Path:
    """The folder of a run of the sample on an engine."""
    client = folder / engine / "aurora"
    shutil.copytree(sample, client, ignore=shutil.ignore_patterns(".crmlib"))
    settings = yaml.safe_load((client / "client.yaml").read_text(encoding="utf-8"))
    settings |= {"engine": engine} | ({"spark": LIGHT} if engine == "spark" else {})
    (client / "client.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    done = runner.run(client / "client.yaml", output=folder / engine / "out", chapters=CHAPTERS)
    assert [(chapter.status, chapter.why) for chapter in done.chapters] == [("done", "")] * len(CHAPTERS)
    return done.folder


def told(run: Path) -> dict[str, Any]:
    """All tables and lists of a run, as they are printed, and what its notebooks conclude."""
    files = [file for kind in ("tables", "lists") for file in sorted((run / kind).glob("*.csv"))]
    found: dict[str, Any] = {f"{file.parent.name}/{file.name}": file.read_text(encoding="utf-8") for file in files}
    for notebook in sorted((run / "notebooks").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        found[notebook.name] = [data[kind] for data in outputs for kind in sorted(data) if "finding" in kind]
    return found


def test_the_sample_says_the_same_on_both_engines(repository, tmp_path, spark_address):
    here, there = (told(run_on(engine, repository / "data" / "aurora", tmp_path)) for engine in ("duckdb", "spark"))
    assert len(here) > len(CHAPTERS)
    assert any(here[name] for name in here if name.endswith(".ipynb"))
    assert here == there
