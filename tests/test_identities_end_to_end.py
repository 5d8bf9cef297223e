"""A client full of people is taken in, analysed and reported, and nobody is recognisable in anything that comes out."""

import datetime as dt
import json
import os
import random
import subprocess
import sys

import pandas as pd
import pyarrow.parquet as pq
import pytest

from crmlib.client import load_client
from crmlib.intake.identities.vault import Vault
from crmlib.intake.identities.vault_key import Key, client_key
from crmlib.problems import UnusableInput
from tests.conftest import write_client

SURNAMES = [
    "欧阳",
    "司徒",
    "诸葛",
    "慕容",
    "Quisling",
    "Wroblewska",
    "Oberhuber",
    "Fitzgibbon",
    "Zimmermannová",
    "Abernathy",
]
GIVEN = [
    "睿渊",
    "梓萱",
    "沐宸",
    "Kunigunde",
    "Bartholomew",
    "Xiomara",
    "Thaddeus",
    "Persephone",
    "Zbigniew",
    "Leocadia",
]
STREETS = ["Zwetschgenweg", "静安寺胡同", "Heliotropstraße", "Quarrington"]


def people(count: int = 300) -> list[dict[str, str]]:
    """Invented persons; every fifth one's id is the e-mail address."""
    draw = random.Random(7)
    found = []
    for n in range(count):
        surname, given = draw.choice(SURNAMES), draw.choice(GIVEN)
        chinese = surname > "一" and given > "一"
        name = f"{surname}{given}" if chinese else f"{given} {surname}-{n:03d}x"
        email = f"person.{n:03d}@posteo-{n % 7}.example"
        phone = f"139{n:03d}{draw.randrange(10**5):05d}"
        address = f"{draw.choice(STREETS)} {1000 + n}号"
        own = email if n % 5 == 0 else f"KD-{880000 + n}"
        found.append({"customer_id": own, "name": name, "email": email, "phone": phone, "address": address})
    return found


def exports(folder, persons) -> None:
    """Orders, lines, surveys and tickets of these persons, with dirt and with words that name them."""
    draw = random.Random(11)
    start = dt.datetime(2023, 1, 1)
    customers, orders, lines, surveys, tickets = [], [], [], [], []
    for n, person in enumerate(persons):
        customers.append(person | {"region": draw.choice(["North", "South"]), "is_test": "yes" if n == 299 else ""})
        for k in range(draw.randrange(1, 7)):
            key = f"O{n:03d}{k}"
            when = start + dt.timedelta(days=draw.randrange(700), minutes=draw.randrange(1440))
            amount = "abc" if (n + k) % 60 == 7 else f"{draw.lognormvariate(4, 0.6):.2f}"
            orders.append((key, person["customer_id"], f"{when:%Y-%m-%d %H:%M}", amount))
            lines.append((key, f"SKU{draw.randrange(30)}", draw.randrange(1, 4), draw.randrange(5, 90)))
        said = (
            f"Hier {person['name']}, bitte an {person['email']} oder {person['phone']} melden. {person['address']}",
            f"我是{person['name']}，电话{person['phone']}",
            "great",
        )[n % 3]
        when = f"2024-{n % 12 + 1:02d}-03 10:00"
        response = f"{person['email']}-nps" if n % 2 else f"R{n}"
        surveys.append((response, person["customer_id"], when, "nps", n % 11, said))
        tickets.append((f"T{n}", person["customer_id"], when, f"2024-{n % 12 + 1:02d}-04 11:00", said))
    for name, head, rows in (
        ("orders", "order_id customer_id ordered_at amount", orders),
        ("order_lines", "order_id product_id quantity amount", lines),
        ("surveys", "response_id customer_id answered_at kind score comment", surveys),
        ("tickets", "ticket_id customer_id opened_at resolved_at text", tickets),
    ):
        pd.DataFrame(rows, columns=head.split()).to_csv(folder / f"{name}.csv", index=False)
    pd.DataFrame(customers).to_csv(folder / "customers.csv", index=False)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The client's folder, the run's folder, the persons, and what the program printed."""
    folder = tmp_path_factory.mktemp("people")
    persons = people()
    tables = ("customers", "orders", "order_lines", "surveys", "tickets")
    write_client(folder / "client", "customer_ids: pseudonyms\n", **dict.fromkeys(tables, "a\n"))
    exports(folder / "client", persons)
    command = [sys.executable, "-m", "crmlib.cli", "run", str(folder / "client" / "client.yaml")]
    command += ["--out", str(folder / "run"), "--chapter", "03", "--chapter", "05", "--chapter", "08"]
    done = subprocess.run(command, capture_output=True, timeout=600, cwd=folder, env=dict(os.environ), check=False)
    assert done.returncode == 0, done.stderr[-800:]
    return folder / "client", folder / "run", persons, done.stdout + done.stderr


def needles(persons) -> dict[str, set[str]]:
    """All that tells who somebody is, by kind; a Chinese name or an id is one text, of Latin names the rare parts."""
    told: dict[str, set[str]] = {"customer_id": set(), "name": set(), "email": set(), "phone": set(), "address": set()}
    for person in persons:
        for kind, value in person.items():
            told[kind].add(value)
    told["name"] |= {part for name in told["name"] for part in name.split() if part.endswith("x")}
    return told


def texts(file) -> list[str]:
    """A file's contents as texts: Parquet cell by cell, all else as it is and with escapes resolved."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        return [str(value) for column in table.columns for value in column.to_pylist() if value is not None]
    raw = file.read_bytes()
    text = raw.decode("utf-8", "replace")
    resolved = [text]
    if file.suffix in (".json", ".ipynb"):
        resolved.append(json.dumps(json.loads(text), ensure_ascii=False))
    return resolved


def test_nobody_is_named_in_anything_that_a_run_makes_or_prints(ran):
    _, run, persons, printed = ran
    told = needles(persons)
    assert len(told["email"]) == 300
    files = [file for file in run.rglob("*") if file.is_file()]
    assert {"intake.html", "intake.json", "index.html", "orders.parquet", "surveys.parquet"} <= {f.name for f in files}
    assert any(file.suffix == ".ipynb" for file in files)
    found = []
    for file in [*files, None]:
        contents = [printed.decode("utf-8", "replace")] if file is None else texts(file)
        everything = "\n".join(contents).casefold()
        found += [
            (file.name if file else "printed", kind)
            for kind, values in told.items()
            if any(value.casefold() in everything for value in values)
        ]
    assert found == []


def test_the_scan_would_find_a_person_that_is_left_in(ran, tmp_path):
    _, run, persons, _ = ran
    comments = pq.read_table(run / "workspace" / "surveys.parquet")["comment"].to_pylist()
    assert any("[e-mail]" in (said or "") for said in comments)
    assert any("[name]" in (said or "") for said in comments)
    pd.DataFrame({"comment": [f"Hier {persons[0]['name']}"]}).to_parquet(tmp_path / "x.parquet")
    assert any(value in said for said in texts(tmp_path / "x.parquet") for value in needles(persons)["name"])


def test_pseudonyms_join_the_tables_and_the_vault_knows_whose_they_are(ran):
    folder, run, persons, _ = ran
    shown = {name: set(pq.read_table(run / "workspace" / f"{name}.parquet")["customer_id"].to_pylist())
             for name in ("customers", "orders", "surveys", "tickets")}  # fmt: skip
    assert len(shown["customers"]) == 299
    assert shown["orders"] <= shown["customers"]
    assert shown["surveys"] == shown["tickets"] == shown["customers"]
    vault = Vault(folder, client_key(folder)).read("test").to_pylist()
    kept = {row["customer_id"]: row for row in vault}
    assert set(kept) == {person["customer_id"] for person in persons}
    for person in persons:
        assert {kind: kept[person["customer_id"]][kind] for kind in person} == person
    assert {kept[p["customer_id"]]["pseudonym"] for p in persons[:-1]} == shown["customers"]


def test_orders_of_the_quarantine_stay_with_their_client(ran):
    _, run, _, _ = ran
    account = json.loads((run / "intake.json").read_text())["tables"]["orders"]
    assert account["reasons"]["amount is not a number"] > 5
    assert account["read"] == account["accepted"] + account["repaired"] + account["quarantined"]
    assert not list(run.rglob("quarantine/*.csv"))


def test_without_its_key_the_vault_says_nothing(ran):
    folder, _, persons, _ = ran
    sealed = (folder / ".crmlib" / "vault" / "identities.sealed").read_bytes()
    for values in needles(persons).values():
        assert not any(form in sealed for value in values for form in (value.encode(), value.encode("utf-16-le")))
    other = Key(client_key(folder).vault, "elsewhere", bytes(32))
    with pytest.raises(UnusableInput, match="key"):
        Vault(folder, other).read("test")
    logged = (folder / ".crmlib" / "vault" / "access.log").read_text()
    assert "(refused)" in logged
    assert not any(value in logged for values in needles(persons).values() for value in values)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX systems")
def test_what_the_kit_puts_into_the_clients_folder_is_the_owners_alone(ran):
    folder, _, _, _ = ran
    own = [folder / ".crmlib", folder / "quarantine"]
    made = [path for top in own for path in (top, *top.rglob("*"))]
    assert len(made) > 5
    for path in made:
        assert oct(path.stat().st_mode)[-3:] == ("700" if path.is_dir() else "600"), path
    assert load_client(folder).customer_ids == "pseudonyms"
