from crmlib.contract import TABLES
from crmlib.contract.dictionary import data_dictionary


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
