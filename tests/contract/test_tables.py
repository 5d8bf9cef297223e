import ibis
import pandas as pd
import pandera.errors
import pytest

from crmlib.contract import TABLES
from crmlib.contract.dictionary import data_dictionary
from crmlib.contract.models import validate


def orders(**changes):
    frame = pd.DataFrame(
        {
            "order_id": ["1", "2"],
            "ordered_at": pd.to_datetime(["2025-01-01", "2025-01-02"]).astype("datetime64[us]"),
            "amount": [10.0, 5.0],
            "status": ["paid", "refunded"],
        }
    )
    return frame.assign(**changes)


@pytest.mark.parametrize("kind", ["pandas", "ibis"])
def test_a_table_that_keeps_the_contract_comes_back_unchanged(kind):
    frame = orders()
    table = frame if kind == "pandas" else ibis.memtable(frame)
    back = validate(table, "orders")
    back = back if kind == "pandas" else back.to_pandas()
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


@pytest.mark.parametrize("kind", ["pandas", "ibis"])
def test_every_broken_check_is_named_at_once(kind):
    frame = orders(status=["paid", "gone"], order_id=["1", "1"]).assign(discount=[-1.0, 0.0])
    table = frame if kind == "pandas" else ibis.memtable(frame)
    with pytest.raises(pandera.errors.SchemaErrors) as broken:
        validate(table, "orders")
    text = str(broken.value)
    assert "status" in text
    assert "discount" in text
    assert "order_id" in text


def test_a_missing_required_column_is_named():
    with pytest.raises(pandera.errors.SchemaErrors, match="amount"):
        validate(orders().drop(columns="amount"), "orders")


def test_surveys_are_open_to_items_and_other_tables_to_nothing():
    surveys = pd.DataFrame(
        {
            "response_id": ["1"],
            "answered_at": pd.to_datetime(["2025-01-01"]).astype("datetime64[us]"),
            "kind": ["nps"],
            "item_wait": [4.0],
        }
    )
    assert validate(surveys, "surveys").item_wait.tolist() == [4.0]
    with pytest.raises(pandera.errors.SchemaErrors, match="item_wait"):
        validate(orders(item_wait=1.0), "orders")


def test_the_names_of_the_contract_are_those_of_the_design():
    assert list(TABLES) == [
        "customers", "orders", "order_lines", "leads", "lead_stages", "spend", "touches", "surveys", "tickets",
        "usage", "subscriptions", "loyalty", "actions",
    ]  # fmt: skip
    assert TABLES["orders"].required == ["order_id", "ordered_at", "amount"]
    assert [c.name for c in TABLES["customers"].columns if c.identity] == ["name", "email", "phone", "address"]


def test_the_data_dictionary_names_every_column_with_its_unit(repository):
    text = data_dictionary()
    for table in TABLES.values():
        section = text.split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"| {column.name}{'*' * column.required} |" in section
    assert "| amount* | number | money | what the customer pays, after discount |" in text
    assert text == (repository / "data" / "README.md").read_text(encoding="utf-8"), "run make docs"
