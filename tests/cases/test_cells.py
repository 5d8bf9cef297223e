"""Cells, encodings and hostile files: each case of ``shared/cases`` with the right value, and more of its kind."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import zipfile
from pathlib import Path

import duckdb
import pytest

from crmlib.client import Client, load_client
from crmlib.intake.workspace import Workspace, take_in
from crmlib.mapping import TableSource
from crmlib.problems import UnusableInput
from crmlib.settings import open_settings


@pytest.fixture
def case(repository, tmp_path):
    """A case folder, taken in from a copy: ``case("day_in_utc")``."""

    def taken(name: str) -> Workspace:
        folder = Path(repository).parent / "shared" / "cases" / name
        if not folder.exists():
            pytest.skip(f"{folder} is not beside this repository")
        shutil.copytree(folder, tmp_path / name)
        return workspace(load_client(tmp_path / name / "client.yaml"))

    return taken


def workspace(client: Client) -> Workspace:
    return take_in(client, client.folder / "workspace")


def rows(taken: Workspace, table: str, *columns: str) -> list[tuple]:
    """Some columns of a table as they were kept, in the order of the export."""
    listed = ", ".join(columns)
    return duckdb.sql(f"SELECT {listed} FROM read_parquet('{taken.folder / table}.parquet')").fetchall()


def repaired(taken: Workspace, table: str) -> dict[tuple[str, str], int]:
    """How many cells each repair changed, by its name and column."""
    return {(one["name"], one["column"]): one["cells"] for one in taken.kept["tables"][table]["repairs"]}


def refused(client: Client) -> str:
    with pytest.raises(UnusableInput) as refusal:
        workspace(client)
    return str(refusal.value)


# Settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)), "100,000"),
        ("a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 20)), "100,000"),
        ("a: " + "[" * 5000, "more than 50 levels"),
        ("a: " + "{x: " * 200 + "}" * 200, "more than 50 levels"),
        ("".join(" " * n + f"k{n}:\n" for n in range(3000)), "more than 50 levels"),
        ("tables: &t {x: *t}\n", "an anchor that contains itself"),
    ],
)  # fmt: skip
def test_settings_are_bounded_before_anything_walks_them(tmp_path, text, said):
    (tmp_path / "client.yaml").write_text(text)
    with pytest.raises(UnusableInput, match=said):
        open_settings(tmp_path / "client.yaml")


def test_an_anchor_that_is_used_twice_is_read(tmp_path):
    (tmp_path / "client.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n")
    assert open_settings(tmp_path / "client.yaml").content == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}


# A query reads its database


@pytest.mark.parametrize(
    "source",
    [
        "read_text('/etc/passwd')",
        "read_csv('{folder}/exports/../../secret.csv', header = false)",
        "'{folder}/../secret.csv'",
        "glob('/etc/*')",
        "read_csv('https://example.com/orders.csv')",
    ],
)
def test_a_query_on_duckdb_reads_no_file_beside_database_and_exports(tmp_path, source):
    from crmlib.intake.databases import open_database

    folder = tmp_path / "client"
    (folder / "exports").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("secret\n1\n")
    (folder / "exports" / "orders.csv").write_text("id,total\n1,2.5\n")
    duckdb.connect(folder / "shop.duckdb").close()

    def opened(source: str):
        wanted = TableSource(database="duckdb:///shop.duckdb", query=f"SELECT * FROM {source}")
        return open_database(
            duckdb.connect(), wanted, shown_as="shop", name="orders", folder=folder, scratch=tmp_path / "scratch"
        )

    sources, problems = opened(source.format(folder=folder))
    assert not sources
    assert "files or addresses other than the database" in str(problems[0])
    sources, problems = opened(f"'{folder}/exports/orders.csv'")
    assert not problems
    assert list(sources[0].types) == ["id", "total"]
