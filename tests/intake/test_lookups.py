"""Columns that stand in another file."""

import pytest

from crmlib.intake import take_in
from crmlib.problems import UnusableInput

ORDERS = "order_id,ordered_at,amount,shop,kind\n1,2025-01-01,1, 7 ,a\n2,2025-01-01,1,8,a\n3,2025-01-01,1,9,a\n"
ORDERS += "4,2025-01-01,1,,a\n5,2025-01-01,1,7,b\n"


def settings(join: str, columns: str = "store: Town") -> str:
    return f"tables: {{orders: {{from: orders.csv, joins: [{join}], columns: {{{columns}}}}}}}\n"


def stores(client, tmp_path) -> dict[str, str]:
    found = take_in(client, tmp_path / "w").table("orders").to_pandas().set_index("order_id")
    return found.store.fillna("").to_dict() if "store" in found else {}


def test_a_column_is_looked_up_by_its_key_and_what_is_not_there_stays_empty(make_client, tmp_path):
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=ORDERS, shops="No,Town\n7,Ulm\n 8,Bonn\n8 ,Bonn\n,Nowhere\n")
    assert stores(client, tmp_path) == {"1": "Ulm", "2": "Bonn", "3": "", "4": "", "5": "Ulm"}


def test_keys_that_stand_for_several_rows_are_not_looked_up_and_no_row_doubles(make_client, tmp_path):
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=ORDERS, shops="No,Town\n7,Ulm\n7,Bonn\n8,Köln\n")
    assert stores(client, tmp_path) == {"1": "", "2": "Köln", "3": "", "4": "", "5": ""}
    account = take_in(client, tmp_path / "w").account["tables"]["orders"]
    assert account["read"] == 5
    assert any(
        note == "1 values of No in shops.csv stand for several rows and are not looked up."
        for note in account["notes"]["orders.csv"]
    )


def test_two_keys_and_two_files_and_two_columns(make_client, tmp_path):
    join = "{from: 'shops_*.csv', on: {shop: No, kind: K}, take: {Town: Town, Way: Way}}"
    client = make_client(
        settings(join, "store: Town, channel: Way"),
        orders=ORDERS,
        shops_1="No,K,Town,Way\n7,a,Ulm,web\n",
        shops_2="K,No,Way,Town\nb,7,till,Bonn\n",
    )
    assert stores(client, tmp_path) == {"1": "Ulm", "2": "", "3": "", "4": "", "5": "Bonn"}
    channels = take_in(client, tmp_path / "w").table("orders").to_pandas().set_index("order_id").channel
    assert channels.fillna("").to_dict() == {"1": "web", "2": "", "3": "", "4": "", "5": "till"}


def test_a_file_is_known_by_the_table_that_is_read_from_it(make_client, tmp_path):
    text = """\
tables:
  customers: {from: people.csv, columns: {customer_id: Mail}}
  orders:
    from: orders.csv
    columns: {customer_id: Mail}
    joins: [{from: customers, on: {shop: Short}, take: {Mail: Mail}}]
customer_ids: pseudonyms
"""
    client = make_client(text, orders=ORDERS, people="Mail,Short\nanna@x.example,7\nbo@x.example,8\n")
    workspace = take_in(client, tmp_path / "w")
    known = workspace.table("customers").to_pandas().customer_id.tolist()
    found = workspace.table("orders").to_pandas().set_index("order_id").customer_id
    assert found.fillna("").to_dict() == {"1": known[0], "2": known[1], "3": "", "4": "", "5": known[0]}


@pytest.mark.parametrize(
    ("join", "said"),
    [
        ("{from: no.csv, on: {shop: No}, take: {Town: Town}}", "no file at 'no.csv', which joins name"),
        ("{from: shops.csv, on: {shopp: No}, take: {Town: Town}}", "no column 'shopp' to look up by"),
        ("{from: shops.csv, on: {shop: Nr}, take: {Town: Town}}", "no column 'Nr', which joins name"),
        ("{from: shops.csv, on: {shop: No}, take: {Twn: Town}}", "no column 'Twn', which joins name"),
    ],
)
def test_a_lookup_that_cannot_be_made_is_said(make_client, tmp_path, join, said):
    client = make_client(settings(join), orders=ORDERS, shops="No,Town\n7,Ulm\n")
    with pytest.raises(UnusableInput, match=said):
        take_in(client, tmp_path / "w")
