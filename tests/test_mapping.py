"""The keys of a source in YAML: what is understood, and what is refused in words with the line."""

import pytest

from crmlib.client import load_client
from crmlib.mapping import Filling, TableSource, with_defaults
from crmlib.problems import UnusableInput

HEAD = "name: Test\ncurrency: CNY\ntimezone: Asia/Shanghai\n"


def refused(tmp_path, body: str) -> list[str]:
    """What is said of a client.yaml, without the file's name."""
    file = tmp_path / "client.yaml"
    file.write_text(HEAD + body, encoding="utf-8")
    with pytest.raises(UnusableInput) as unusable:
        load_client(file)
    said = [str(problem).removeprefix(f"{file}, ") for problem in unusable.value.problems]
    assert said, "refused without a word"
    return said


def orders(columns: str) -> str:
    return f"tables:\n  orders:\n    from: a.csv\n    columns:\n      {columns}\n"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            "amount: {produkt: [a, b]}",
            "line 8, column 16: found the unknown key 'produkt' under tables",
        ),
        ("amount: {product: [a], sum: [b]}", "expected a heading, a list of headings, or one of first, product"),
        ("amount: []", "found tables.orders.columns.amount: []; expected a heading, a list of headings"),
        ("amount: ''", "expected a heading, a list of headings"),
        ("amount: {difference: []}", "expected a heading, a list of headings"),
        ("amount:", "found tables.orders.columns.amount: nothing; expected a heading"),
        ("order_id: {text: '{Order'}", "write for example {Order}-{Line}"),
        ("order_id: {text: 'Order'}", "expected a text with headings in braces"),
        ("order_id: {first: [a], less: b}", "expected less beside product, sum or difference"),
        ("ordered_at: {after: [a]}", "expected two parts, a time and how much later or earlier"),
        ("ordered_at: {after: [a, b], unit: ages}", "expected one of seconds, minutes, hours, days"),
        ("discount: {parts: a, part: 0}", "expected at least 1"),
        ("discount: {constant: [1]}", "expected text"),
        (
            "disount: a",
            "line 8, column 7: found the unknown column 'disount'; expected a column of orders",
        ),
    ],
)
def test_a_wrong_filling_is_refused_in_words_with_its_line(tmp_path, columns, said):
    (only,) = refused(tmp_path, orders(columns))
    assert only.startswith("line 8, column ")
    assert said in only
    assert "validation" not in only


def test_wrong_keys_in_a_list_of_sources_are_named_with_the_line_of_their_own_source(tmp_path):
    said = refused(
        tmp_path,
        """\
tables:
  orders:
    - from: a.csv
    - from: b.csv
      colums: {}
      duplicates: yes
      header_row: 0
      columns:
        amount: {sume: [a, b]}
      joins:
        - {from: x.csv, on: {a: b}, take: {c: d}, encodin: x}
      cancellations: {where: {a: b}, match: [], quantitiy: x}
    - columns: {amount: a}
""",
    )
    lines = {line.partition(",")[0]: line for line in said}
    assert "unknown key 'colums'" in lines["line 8"]
    assert "expected one of drop, keep, ask" in lines["line 9"]
    assert "expected at least 1" in lines["line 10"]
    assert "unknown key 'sume' under tables.orders.1.columns.amount" in lines["line 12"]
    assert "did you mean 'sum'?" in lines["line 12"]
    assert "unknown key 'encodin' under tables.orders.1.joins.0" in lines["line 14"]
    assert any("unknown key 'quantitiy' under tables.orders.1.cancellations" in line for line in said)
    assert any("cancellations.match: []; expected at least one" in line for line in said)
    assert "no tables.orders.2.from" in lines["line 16"]
    assert len(said) == 8


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("tables: {orders: []}\n", "tables.orders: []; expected at least one"),
        ("tables: {orders: a.csv}\n", "tables.orders: 'a.csv'; expected keys with values below it"),
        ("tables: {ordres: {from: a.csv}}\n", "found the unknown table 'ordres'"),
        ("tables: {orders: {from: a.csv, one_row_per: order}}\n", "found the unknown column 'order'"),
        ("tables: {orders: {from: a.csv, adds_up: [amont]}}\n", "found the unknown column 'amont'"),
        ("tables: {orders: {from: a.csv, delimiter: ';;'}}\n", "expected at most 1 character"),
        ("tables: {orders: {from: a.csv, leave_out: [a]}}\n", "expected keys with values below it"),
        ("tables: {orders: {from: a.csv, sheet: [1]}}\n", "found tables.orders.sheet: [1]; expected text"),
        ("merge: {rule: [a]}\ntables: {orders: {from: a.csv}}\n", "unknown key 'rule' under merge"),
    ],
)
def test_a_wrong_source_is_refused_in_words(tmp_path, body, said):
    assert said in " | ".join(refused(tmp_path, body))


def test_every_way_to_write_a_filling_names_the_headings_that_are_read():
    def headings(value):
        return Filling.model_validate(value).headings

    assert headings("Total") == ["Total"]
    assert headings(2024) == ["2024"]
    assert headings({"product": "Total"}) == ["Total"]
    assert headings({"sum": ["a", "b"], "less": "c"}) == ["a", "b", "c"]
    assert headings({"text": "{Q1: why?}/{b}-x"}) == ["Q1: why?", "b"]
    assert headings({"constant": True}) == []
    assert Filling.model_validate({"constant": True}).constant == "true"
    assert headings({"after": ["a", "b"], "unit": "days"}) == ["a", "b"]
    assert headings({"parts": "a", "by": ","}) == ["a"]
    assert Filling.model_validate({"first": "a", "where": {"Paid": True, "Kind": ["x", 1]}}).where == {
        "Paid": ["true"],
        "Kind": ["x", "1"],
    }


def test_a_clients_own_keys_win_over_the_profile_and_maps_are_merged_by_name():
    profile = TableSource.model_validate(
        {
            "from": "unused",
            "columns": {"order_id": "Name", "amount": "Total", "status": "State"},
            "values": {"status": {"a": "paid", "b": "open"}, "channel": {"x": "web"}},
            "leave_out": {"State": "void", "Test": "yes"},
            "repairs": {"blanks": False},
            "timezone": "UTC",
            "duplicates": "drop",
            "one_row_per": "order_id",
        }
    )
    own = TableSource.model_validate(
        {
            "from": "a.csv",
            "columns": {"amount": "Paid"},
            "values": {"status": {"a": "open"}},
            "leave_out": {"Test": "1"},
            "repairs": {"epochs": False},
            "duplicates": "keep",
        }
    )
    merged = with_defaults(own, profile)
    assert merged.source == "a.csv"
    assert {name: filling.headings for name, filling in merged.columns.items()} == {
        "order_id": ["Name"],
        "amount": ["Paid"],
        "status": ["State"],
    }
    assert merged.values == {"status": {"a": "open"}, "channel": {"x": "web"}}
    assert merged.leave_out == {"State": ["void"], "Test": ["1"]}
    assert merged.repairs == {"blanks": False, "epochs": False}
    assert (merged.timezone, merged.duplicates, merged.one_row_per) == ("UTC", "keep", ["order_id"])
