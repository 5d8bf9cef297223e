"""A chapter in its notebook: it opens the run's workspace, leaves out what the data do not have, and fills lessons."""

import json

import nbformat
import pytest

import crmlib
from crmlib.chapter.sections import for_client
from crmlib.course.build import execute
from crmlib.intake import take_in
from crmlib.problems import UnusableInput
from crmlib.words import use

ORDERS = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-01-03,7\n"


@pytest.fixture
def run_folder(make_client, tmp_path):
    """A run's chapter folder, whose exports are gone since the workspace was made."""
    client = make_client(orders=ORDERS)
    workspace = take_in(client, tmp_path / "workspace")
    (client.folder / "orders.csv").unlink()
    folder = tmp_path / "chapter"
    folder.mkdir()
    settings = {"workspace": str(workspace.folder), "language": "zh"}
    (folder / "run.json").write_text(json.dumps(settings), encoding="utf-8")
    return client, folder


def test_in_a_run_a_chapter_opens_the_workspace_and_never_takes_the_exports_in_again(run_folder):
    client, folder = run_folder
    chapter = crmlib.begin("03_segmentation", client.path, folder)
    assert chapter.table("orders").amount.sum().to_pandas() == 12
    with pytest.raises(UnusableInput):
        crmlib.begin("03_segmentation", client.path)


def test_a_run_without_its_workspace_is_refused(run_folder, tmp_path):
    client, folder = run_folder
    (folder / "run.json").write_text(json.dumps({"workspace": str(tmp_path / "none")}), encoding="utf-8")
    with pytest.raises(UnusableInput, match="none"):
        crmlib.begin("03_segmentation", client.path, folder)


def test_a_table_that_the_client_does_not_have_is_empty_in_the_contracts_columns(run_folder):
    client, folder = run_folder
    chapter = crmlib.begin("08_nps", client.path, folder)
    touches = chapter.table("touches")
    assert {"customer_id", "touched_at", "kind"} <= set(touches.columns)
    assert touches.touched_at.type().is_timestamp()
    assert touches.count().to_pandas() == 0
    joined = chapter.table("orders").left_join(touches, "customer_id")
    assert joined.count().to_pandas() == 2
    with pytest.raises(KeyError):
        chapter.table("horoscopes")


def cell(source, *tags, kind="code"):
    return {"cell_type": kind, "id": source, "source": source, "metadata": {"tags": list(tags)}}


def test_sections_without_their_table_become_one_line_and_lessons_are_left_out():
    notebook = {
        "cells": [
            cell("always"),
            cell("story", "lesson", kind="markdown"),
            cell("prose", "needs:touches", kind="markdown"),
            cell("code", "needs:touches"),
            cell("tiers", "needs:customers.tier"),
            cell("kept", "needs:orders.amount"),
        ]
    }
    have = {("orders", "amount"), ("customers",)}
    made = for_client(notebook, lambda *named: named in have)["cells"]
    assert [c["source"] for c in made if c["cell_type"] == "code"] == ["always", "kept"]
    lines = [c["source"] for c in made if c["cell_type"] == "markdown"]
    assert len(lines) == 2
    assert "Contacts" in lines[0]
    assert "`tier`" in lines[1]
    assert all("which these data do not have" in line for line in lines)
    use("zh")
    assert "触达记录" in for_client(notebook, lambda *named: named in have)["cells"][1]["source"]


def test_a_lesson_gets_its_numbers_from_the_run(tmp_path):
    book = nbformat.v4.new_notebook()
    lesson = "On day 30 {{ waiting[30] | count }} waited, {{ 1 / 8 | percent.1 }} of all."
    book.cells = [
        nbformat.v4.new_code_cell("waiting = {30: 5977}"),
        nbformat.v4.new_markdown_cell(lesson, metadata={"tags": ["lesson"]}),
        nbformat.v4.new_code_cell("len(waiting)"),
    ]
    done = execute(book, tmp_path)
    assert done.cells[1].source == "On day 30 5,977 waited, 12.5% of all."
    assert [c.execution_count for c in done.cells if c.cell_type == "code"] == [1, 2]
    assert done.cells[2].outputs[0].execution_count == 2


def test_what_is_done_by_hand_takes_everybody_or_an_even_part_and_says_so(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "shop"
    folder.mkdir()
    rows = [f"{n},c{n % 7},2025-0{1 + n % 3}-11,9.5" for n in range(28)]
    (folder / "orders.csv").write_text("\n".join(["order_id,customer_id,ordered_at,amount", *rows, "99,,2025-03-02,7"]))
    (folder / "client.yaml").write_text(
        "name: Shop\ncurrency: CNY\ntimezone: Asia/Shanghai\ncustomer_ids: as they are\nas_of: 2025-12-31\n"
        "tables: {orders: {from: orders.csv}}\n"
    )

    def opened():
        chapter = crmlib.begin("05_retention", folder / "client.yaml", language="en")
        orders = chapter.table("orders")
        return orders, chapter.in_hand(orders), chapter.in_hand(orders)

    orders, whole, _ = opened()
    assert whole is orders
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(crmlib.chapter, "MOST_IN_HAND", 3)
    _, part, again = opened()
    found = part.to_pandas()
    assert found.groupby("customer_id").size().to_dict() == {"c0": 4, "c3": 4, "c6": 4}
    assert again.count().execute() == 12
    shown = capsys.readouterr().out
    assert shown.count("Markdown") == 1
