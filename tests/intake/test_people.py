"""Who is who: pseudonyms that join, merges that can be undone, and forgotten persons who stay out."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from crmlib.intake import take_in
from crmlib.intake.identities.forget import forget
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.vault_key import client_key
from crmlib.intake.profiles import customer_headings

CUSTOMERS = """\
customer_id,name,email,phone,first_seen_at,city,channel
a,Anna Oberhuber,anna@x.example,13900000001,2024-01-01,Ulm,
b,Oberhuber Anna,ANNA@x.example,13900000001,2024-02-01,Bonn,web
c,Carl Wroblewska,carl@x.example,13900000003,2024-03-01,,shop
d,Dora Quisling,dora@x.example,13900000004,2024-03-01,Köln,shop
"""
ORDERS = """\
order_id,customer_id,ordered_at,amount
1,a,2025-01-01,1
2,b,2025-01-02,2
3,c,2025-01-03,4
4,d,2025-01-04,8
5,d,never,16
"""
TICKETS = """\
ticket_id,customer_id,opened_at,text
carl@x.example-1,c,2025-01-05,Wroblewska here: call 13900000003
2,b,2025-01-05,"It is Oberhuber, anna@x.example"
"""
SETTINGS = "customer_ids: pseudonyms\nmax_set_aside: 1\n"


@pytest.fixture
def clients(make_client):
    def make(settings="", **more):
        tables = {"customers": CUSTOMERS, "orders": ORDERS, "tickets": TICKETS} | more
        return make_client(SETTINGS + settings, **tables)

    return make


def table(tmp_path, name):
    return pq.read_table(tmp_path / "w" / f"{name}.parquet").to_pylist()


def shown(client, *ids):
    return [pseudonym(client_key(client.folder), one) for one in ids]


def test_one_customer_has_one_pseudonym_in_all_tables_and_in_every_run(clients, tmp_path):
    client = clients()
    take_in(client, tmp_path / "w")
    a, b, c, d = shown(client, *"abcd")
    assert [row["customer_id"] for row in table(tmp_path, "customers")] == [a, b, c, d]
    assert [row["customer_id"] for row in table(tmp_path, "orders")] == [a, b, c, d]
    assert [row["customer_id"] for row in table(tmp_path, "tickets")] == [c, b]
    take_in(client, tmp_path / "again")
    assert pq.read_table(tmp_path / "again" / "orders.parquet").equals(pq.read_table(tmp_path / "w" / "orders.parquet"))


def test_free_words_do_not_name_their_own_person_and_an_id_that_is_an_address_is_a_pseudonym(clients, tmp_path):
    take_in(clients(), tmp_path / "w")
    carl, anna = table(tmp_path, "tickets")
    assert carl["text"] == "[name] here: call [phone]"
    assert anna["text"] == "It is [name], [e-mail]"
    assert carl["ticket_id"].startswith("P")
    assert anna["ticket_id"] == "2"


def test_words_of_nobody_in_particular_are_masked_too(clients, tmp_path):
    take_in(clients(tickets="ticket_id,opened_at,text\n1,2025-01-05,call 13900000003\n"), tmp_path / "w")
    assert table(tmp_path, "tickets")[0]["text"] == "call [phone]"


@pytest.mark.parametrize("by", ["rule", "list"])
def test_merged_customers_are_one_row_and_their_orders_one_persons_and_it_can_be_undone(clients, tmp_path, by):
    settings = "merge: {rules: [same_email]}\n" if by == "rule" else "merge: {list: merges.csv}\n"
    (tmp_path / "client").mkdir()
    (tmp_path / "client" / "merges.csv").write_text("customer_id,merge_into,decision\nb,a,yes\nd,c,no\n")
    client = clients(settings)
    workspace = take_in(client, tmp_path / "w")
    a, b, c, d = shown(client, *"abcd")
    customers = table(tmp_path, "customers")
    assert [row["customer_id"] for row in customers] == [a, c, d]
    assert (customers[0]["city"], customers[0]["channel"]) == ("Ulm", "web")
    assert [row["customer_id"] for row in table(tmp_path, "orders")] == [a, a, c, d]
    accounts = workspace.account["tables"]
    assert (accounts["customers"]["read"], accounts["customers"]["rows"]) == (4, 3)
    assert accounts["customers"]["columns"]["city"] == 2
    assert workspace.account["people"]["merged"] == 1
    assert accounts["orders"]["of_unknown_customers"] == 0
    assert {key["lost"] for key in workspace.account["quality"]["foreign_keys"]} == {0}
    assert [row["text"] for row in table(tmp_path, "tickets")] == [
        "[name] here: call [phone]",
        "It is [name], [e-mail]",
    ]
    take_in(clients(), tmp_path / "w")
    assert [row["customer_id"] for row in table(tmp_path, "customers")] == [a, b, c, d]
    assert [row["customer_id"] for row in table(tmp_path, "orders")] == [a, b, c, d]


def test_another_decision_in_the_list_is_followed_without_any_other_change(clients, tmp_path):
    (tmp_path / "client").mkdir()
    listed = tmp_path / "client" / "merges.csv"
    listed.write_text("customer_id,merge_into,decision\nb,a,yes\n")
    client = clients("merge: {list: merges.csv}\n")
    take_in(client, tmp_path / "w")
    assert len(table(tmp_path, "customers")) == 3
    listed.write_text("customer_id,merge_into,decision\nb,a,yes\nd,c,yes\n")
    take_in(client, tmp_path / "w")
    a, c = shown(client, "a", "c")
    assert [row["customer_id"] for row in table(tmp_path, "customers")] == [a, c]
    listed.write_text("customer_id,merge_into,decision\nb,a,\n")
    take_in(client, tmp_path / "w")
    assert len(table(tmp_path, "customers")) == 4


def test_customers_made_of_several_rows_each_are_merged_as_well(clients, tmp_path):
    settings = """\
merge: {rules: [same_email]}
tables:
  customers: {from: customers.csv, one_row_per: customer_id}
  orders: {from: orders.csv}
"""
    twice = CUSTOMERS + "a,Anna Oberhuber,anna@x.example,13900000001,2023-12-01,,mail\n"
    client = clients(settings, customers=twice)
    take_in(client, tmp_path / "w")
    customers = table(tmp_path, "customers")
    assert [row["customer_id"] for row in customers] == shown(client, "a", "c", "d")
    assert customers[0]["channel"] == "mail"
    assert customers[0]["first_seen_at"].strftime("%Y-%m") == "2023-11"


def test_a_forgotten_person_stays_out_and_nothing_that_stood_in_the_rows_is_kept(clients, tmp_path):
    lines = "order_id,product_id,quantity,amount\n4,Pfirsichkorb,1,8\n5,Quittenkorb,1,16\n1,p,1,1\n"
    client = clients(order_lines=lines)
    take_in(client, tmp_path / "w")
    assert "never" in (client.folder / "quarantine" / "orders.csv").read_text(encoding="utf-8-sig")
    forget(client, "d", headings=customer_headings(client))
    workspace = take_in(client, tmp_path / "w")
    (d,) = shown(client, "d")
    for name in ("customers", "orders", "tickets", "order_lines"):
        assert d not in {row.get("customer_id") for row in table(tmp_path, name)}
    assert [row["product_id"] for row in table(tmp_path, "order_lines")] == ["p"]
    accounts = workspace.account["tables"]
    forgotten = "a person who is to be forgotten"
    assert {name: one["reasons"] for name, one in accounts.items()} == {
        "customers": {forgotten: 1},
        "orders": {forgotten: 2},
        "order_lines": {forgotten: 2},
        "tickets": {},
    }
    kept = [file for top in (client.folder / "quarantine", tmp_path / "w") for file in top.rglob("*") if file.is_file()]
    kept += [file for file in (client.folder / ".crmlib").rglob("*") if file.is_file()]
    for file in kept:
        content = file.read_bytes()
        for word in (b"Quisling", b"dora@", b"13900000004", b"Pfirsichkorb", b"Quittenkorb", b"never"):
            assert word not in content, file
    left_out = (client.folder / "quarantine" / "left_out" / "orders.csv").read_text(encoding="utf-8-sig")
    assert left_out.splitlines()[1].startswith("5,orders: a person who is to be forgotten")
    assert left_out.splitlines()[1].endswith(",,,,")


def test_whoever_is_forgotten_elsewhere_is_left_out_of_this_workspace_too(clients, tmp_path):
    client = clients()
    take_in(client, tmp_path / "w")
    take_in(client, tmp_path / "w")
    forget(client, "c", headings=customer_headings(client))
    assert len(take_in(client, tmp_path / "w").table("customers").to_pandas()) == 3


def test_tables_without_their_vault_are_made_again(clients, tmp_path):
    client = clients()
    take_in(client, tmp_path / "w")
    vault = client.folder / ".crmlib" / "vault" / "identities.sealed"
    vault.unlink()
    take_in(client, tmp_path / "w")
    assert vault.is_file()


def test_an_address_that_slipped_under_another_heading_stands_in_no_message(make_client, tmp_path):
    from crmlib.problems import UnusableInput

    rows = "order_id,ordered_at,amount\n" + "".join(f"{n},2025-01-01,anna{n}@x.example\n" for n in range(5))
    with pytest.raises(UnusableInput, match="amount is not a number in 5 rows") as unusable:
        take_in(make_client("customer_ids: pseudonyms\n", orders=rows), tmp_path / "w")
    assert "@" not in str(unusable.value)


def test_a_consent_that_one_record_refuses_is_refused_for_the_person(make_client, tmp_path):
    customers = """
        customer_id,email,consent_email,consent_sms
        2,anna.kurz@example.com,yes,yes
        102,Anna.Kurz@example.com,no,
        3,bo@example.com,yes,yes
    """
    orders = "order_id,customer_id,ordered_at,amount\n1,2,2025-01-01,5\n2,102,2025-01-02,6\n3,3,2025-01-03,7\n"
    settings = "customer_ids: pseudonyms\nmerge: {rules: [same_email]}\n"
    client = make_client(settings, customers=customers, orders=orders)
    rows = take_in(client, tmp_path / "w").table("customers").to_pandas()
    assert sorted(zip(rows.consent_email, rows.consent_sms, strict=True)) == [(False, True), (True, True)]


def test_the_list_of_duplicates_is_there_and_keeps_the_decisions_made_in_it(make_client, tmp_path):
    customers = "customer_id,email\n1,a@example.com\n2,a@example.com\n3,c@example.com\n,d@example.com\n"
    orders = "order_id,customer_id,ordered_at,amount\n1,1,2025-01-01,5\n2,2,2025-01-02,6\n"
    client = make_client("customer_ids: pseudonyms\nmax_set_aside: 0.5\n", customers=customers, orders=orders)
    assert take_in(client, tmp_path / "w").account["people"]["duplicate_customers"] == 1
    listed = client.folder / "quarantine" / "duplicates.csv"
    review = pd.read_csv(listed, dtype=str)
    assert review[["customer_id", "merge_into"]].values.tolist() == [["2", "1"]]
    review.assign(decision="yes").to_csv(listed, index=False)
    again = make_client(
        "customer_ids: pseudonyms\nmax_set_aside: 0.5\nmerge: {list: quarantine/duplicates.csv}\n",
        customers=customers,
        orders=orders,
    )
    workspace = take_in(again, tmp_path / "w")
    assert workspace.account["people"]["merged"] == 1
    assert workspace.table("orders").to_pandas().customer_id.nunique() == 1
    assert pd.read_csv(listed, dtype=str).decision.tolist() == ["yes"]


def test_the_account_says_what_merging_does_to_the_numbers_before_it_is_done_and_after(make_client, tmp_path):
    customers = "customer_id,email\n1,a@example.com\n2,a@example.com\n3,c@example.com\n"
    orders = "order_id,customer_id,ordered_at,amount\n1,1,2025-01-01,5\n2,2,2025-01-02,6\n3,3,2025-01-03,9\n"
    for number, settings in enumerate(("", "merge: {rules: [same_email]}\n")):
        client = make_client("customer_ids: pseudonyms\n" + settings, customers=customers, orders=orders)
        people = take_in(client, tmp_path / f"w{number}").account["people"]
        effect = {row["measure"]: (row["before"], row["after"]) for row in people["merge_effect"]}
        assert effect["buyers"] == (3, 2)
        assert effect["repeat_rate"] == (0, 0.5)
        assert effect["orders_per_customer"] == (1, 1.5)
        assert ("merged" in people) == bool(settings)
