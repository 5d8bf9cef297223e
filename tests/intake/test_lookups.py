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
        note == "1 value of No in shops.csv stands for several rows and is not looked up."
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


def notes(client, tmp_path) -> list[str]:
    account = take_in(client, tmp_path / "w").account["tables"]["orders"]
    return [note for note in account["notes"]["orders.csv"] if "found no match" in note]


def test_how_many_rows_found_no_match_is_said_and_how_many_have_no_key(make_client, tmp_path):
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=ORDERS, shops="No,Town\n7,Ulm\n8,Bonn\n")
    assert notes(client, tmp_path) == [
        "2 of 5 rows found no match in shops.csv by shop; 1 of them has nothing under that heading."
    ]
    client = make_client(settings(join), orders=ORDERS.replace(",,", ",7,"), shops="No,Town\n7,Ulm\n8,Bonn\n9,Köln\n")
    assert notes(client, tmp_path) == ["0 of 5 rows found no match in shops.csv by shop."]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("13812345678", "+86 138-1234-5678"),
        ("0086 13812345678", "13812345678.0"),
        ("8613812345678", "'13812345678"),
        ('"=""13812345678"""', "13812345678"),
        ("１３８１２３４５６７８", "13812345678\u200b"),
        ("Anna@X.example", "anna@x.EXAMPLE"),
        ("17850.0", "17850"),
        ("+49 (0)171 1234567", "00491711234567"),
    ],
)
def test_a_key_meets_its_other_ways_of_writing(make_client, tmp_path, here, there):
    orders = f"order_id,ordered_at,amount,shop\n1,2025-01-01,1,{here}\n2,2025-01-01,1,x\n"
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=orders, shops=f"No,Town\n{there},Ulm\ny,Bonn\n")
    assert stores(client, tmp_path) == {"1": "Ulm", "2": ""}


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("007123456", "7123456"),
        ("2025-0001", "20250001"),
        ("a7", "A7"),
        ("1.38E+10", "1.38E+10"),
        ("13812345678", "13812345679"),
        ("0171 1234567", "01711234567"),
    ],
)
def test_keys_that_are_no_numbers_of_people_differ_in_every_character(make_client, tmp_path, here, there):
    orders = f"order_id,ordered_at,amount,shop\n1,2025-01-01,1,{here}\n2,2025-01-01,1,x\n"
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=orders, shops=f"No,Town\n{there},Ulm\nx,Bonn\n")
    assert stores(client, tmp_path) == {"1": "", "2": "Bonn"}


@pytest.mark.parametrize(
    ("here", "there"),
    [("0171/1234567", "0171 123 4567"), ("021-55551234", "+86 21 5555 1234"), ("1234567", "123 4567")],
)
def test_under_a_heading_that_says_phone_numbers_are_their_digits(make_client, tmp_path, here, there):
    orders = f"order_id,ordered_at,amount,Mobile Phone\n1,2025-01-01,1,{here}\n2,2025-01-01,1,0175 7654321\n"
    join = "{from: shops.csv, on: {Mobile Phone: No}, take: {Town: Town}}"
    client = make_client(settings(join), orders=orders, shops=f"No,Town\n{there},Ulm\n01757654321,Bonn\n")
    assert stores(client, tmp_path) == {"1": "Ulm", "2": "Bonn"}


def test_rows_there_that_are_one_key_in_two_ways_of_writing_are_not_looked_up(make_client, tmp_path):
    join = "{from: shops.csv, on: {shop: No}, take: {Town: Town}}"
    orders = "order_id,ordered_at,amount,shop\n1,2025-01-01,1,a@x.example\n2,2025-01-01,1,b@x.example\n"
    shops = "No,Town\nA@x.example,Ulm\na@X.example,Bonn\nB@x.example,Köln\nb@x.example,Köln\n"
    assert stores(make_client(settings(join), orders=orders, shops=shops), tmp_path) == {"1": "", "2": "Köln"}


def test_take_the_wrong_way_round_is_said_once_however_many_files_there_are(make_client, tmp_path):
    text = (
        "tables: {orders: {from: 'orders_*.csv', columns: {store: Town},"
        " joins: [{from: shops.csv, on: {shop: No}, take: {Town: City}}]}}\n"
    )
    client = make_client(text, orders_1=ORDERS, orders_2=ORDERS + "6,2025-01-01,1,7,a\n", shops="No,City\n7,Ulm\n")
    with pytest.raises(UnusableInput) as raised:
        take_in(client, tmp_path / "w")
    found = [(problem.file, problem.found, problem.remedy) for problem in raised.value.problems]
    assert found == [
        (
            "shops.csv",
            "no column 'Town', which joins name, but a column 'City': is take the wrong way round?",
            "write take: {City: Town}, heading there: heading here",
        )
    ]


def test_on_the_wrong_way_round_is_said(make_client, tmp_path):
    join = "{from: shops.csv, on: {No: shop}, take: {Town: Town}}"
    client = make_client(settings(join), orders=ORDERS, shops="No,Town\n7,Ulm\n")
    with pytest.raises(UnusableInput, match=r"on is heading here: heading there; write \{shop: No\}"):
        take_in(client, tmp_path / "w")


def test_a_lookup_in_a_table_without_those_headings_is_said(make_client, tmp_path):
    text = """\
tables:
  customers: {from: people.csv}
  orders: {from: orders.csv, joins: [{from: customers, on: {shop: Short}, take: {Town: Town}}]}
"""
    client = make_client(text, orders=ORDERS, people="customer_id,Short\na,7\n")
    account = take_in(client, tmp_path / "w").account["tables"]["orders"]
    said = "No file of customers has all headings that joins name (Short, Town): nothing is looked up there."
    assert said in account["notes"]["orders.csv"]


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
