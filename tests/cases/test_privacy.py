"""People in other people's words: every way in which somebody is named there is tried, and every byte looked at."""

import gzip
import io
import json
import re
import zipfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlib import runner
from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.identities import masking
from crmlib.intake.identities.forget import forget, plan_forget
from crmlib.intake.identities.known_names import KnownNames
from crmlib.intake.identities.purge import purge
from tests.conftest import write_client
from tests.test_runner import write_chapter


def masked(text):
    return duckdb.execute(f"SELECT {masking.mask('t')} FROM (SELECT ?::VARCHAR AS t)", [text]).fetchone()[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to name @ domain.example please", "write to [e-mail] please"),
        ("anna\u200b@posteo.example", "[e-mail]"),
        ("anna (at) posteo (dot) de, or anna[at]posteo.de", "[e-mail], or [e-mail]"),
        ("müller@straße.example hi", "[e-mail] hi"),
        ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [account] please"),
        ("DE89370400440532013000", "[account]"),
        ("gb33bukb20201555555555, FR14 2004 1010 0505 0001 3M02 606", "[account], [account]"),
        ("CH93-0076-2011-6238-5295-7", "[account]"),
        ("护照 E12345678 过期", "护照 [id number] 过期"),
        ("护照号：EA1234567，港澳通行证号码为C12345678", "护照号：[id number]，港澳通行证号码为[id number]"),
        ("my passport is E12345678.", "my passport is [id number]."),
        ("Reisepass-Nr. C01X00T47", "Reisepass-Nr. [id number]"),
        ("SSN 123-45-6789", "SSN [id number]"),
        ("call 1 3 8 0 0 0 0 1 2 3 4 now", "call [phone] now"),
        ("138\u200b0000\u200b1234 or 1\u200b3\u200d8\u2060000\u200c01234", "[phone] or [phone]"),
        ("１３８\u200b００００１２３４", "[phone]"),
        ("+ 4 9 1 7 1 2 3 4 5 6 7 8", "[phone]"),
        ("0 1 7 1 2 3 4 5 6 7 8", "[phone]"),
    ],
)
def test_what_hides_behind_blanks_and_invisible_characters_leaves_the_text(text, left):
    assert masked(text) == left
    assert masked(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "at20 euro each just once ok",
        "单号 SF1234567890123",
        "SF1234567890123 is late",
        "meet me @ noon. thanks",
        "5 stars @ 10.30 Uhr",
        "👨‍👩‍👧 is happy",
        "1 2 3 4 5 6 7 8 9 10",
        "score 5 4 3 5 4 5 3 2 1 4",
        "passport control took 3 hours",
        "IT27 was a great year",
        "护照检查用了30分钟",
    ],
)
def test_what_only_looks_like_it_stays(text):
    assert masked(text) == text


NAMES = [
    "Anna Schmidt",
    "José Álvarez García",
    "张三丰",
    "王芳",
    "欧阳睿渊",
    "김철수",
    "Rose",
    "高兴",
    "山田 花子",
    "J***n D*e",
    "Guest",
]


@pytest.mark.parametrize(
    ("text", "left", "doubts"),
    [
        ("Anna Schmidt, ANNA SCHMIDT and anna  schmidt's dog", "[name], [name] and [name] dog", []),
        ("Schmidt, Anna; Anna Schmidts Bruder", "[name]; [name] Bruder", []),
        ("Jose Alvarez Garcia was rude", "[name] was rude", []),
        ("Anna Schmidtchen and Susanna Schmidt", "Anna Schmidtchen and Susanna Schmidt", []),
        ("Anna and the Schmidt family", "Anna and the Schmidt family", []),
        ("我和张三丰、王芳一起去，欧阳睿渊没来", "我和[name]、[name]一起去，[name]没来", []),
        ("客户Anna Schmidt说José Álvarez García来了", "客户[name]说[name]来了", []),
        ("김철수씨, 山田花子さん", "[name]씨, [name]さん", []),
        ("我很高兴 with Rose, a rose", "我很高兴 with Rose, a rose", ["Rose", "高兴"]),
        ("a Guest said John Doe", "a Guest said John Doe", []),
        ("anna.schmidt@posteo.example", "anna.schmidt@posteo.example", []),
    ],
)
def test_names_beyond_doubt_go_and_those_in_doubt_are_told(text, left, doubts):
    names = KnownNames(NAMES)
    assert (names.masked(text, "[name]"), names.in_doubt(text)) == (left, doubts)


CUSTOMERS = """
    customer_id,name,email,phone,owner
    C-1001,Anna Schmidt,anna@posteo.example,+49 170 1234567,Wang 138 0000 1234
    C-1002,张三丰,zhang@posteo.example,13800004321,Wang 138 0000 1235
    C-1003,Rose,rose@posteo.example,13900001111,shop 4006381333931
    C-1004,Berta Quisling,berta@posteo.example,13900001112,Anna Lee
"""
ORDERS = """
    order_id,customer_id,ordered_at,amount,store,channel
    13800001234,C-1001,2025-01-01,10,13800001234,web
    20250101123456,C-1002,2025-01-02,20,Shop 2025010112,1 3 8 0 0 0 0 1 2 3 4
    o3,C-1003,2025-01-03,30,联系13900001112,name @ posteo.example
    o4,C-1004,2025-01-04,30,4006381333931,web
"""
SURVEYS = """
    response_id,customer_id,answered_at,kind,score,comment
    r1,C-1004,2025-01-01,nps,9,"Schmidt, Anna told me, and 张三丰 too: DE89 3704 0044 0532 0130 00"
    r2,C-1002,2025-01-02,nps,3,Rose was unkind
    r3,C-1001,2025-01-03,nps,5,I am Anna; Frau Quisling was nice
    r4,,2025-01-04,nps,5,guest: ask Anna Schmidt (护照 E12345678)
    r5,C-1003,2025-01-04,nps,5,call BERTA QUISLING at 1 3 9 0 0 0 0 1 1 1 2
"""


@pytest.fixture
def client(tmp_path):
    return load_client(
        write_client(
            tmp_path / "client", "customer_ids: pseudonyms\n", customers=CUSTOMERS, orders=ORDERS, surveys=SURVEYS
        )
    )


def column(folder, table, name):
    return pq.read_table(folder / f"{table}.parquet")[name].to_pylist()


def test_the_names_of_all_known_customers_leave_all_free_text(client, tmp_path):
    workspace = take_in(client, tmp_path / "w")
    assert column(tmp_path / "w", "surveys", "comment") == [
        "[name] told me, and [name] too: [account]",
        "Rose was unkind",
        "I am [name]; Frau Quisling was nice",
        "guest: ask [name] (护照 [id number])",
        "call [name] at [phone]",
    ]
    assert workspace.account["people"]["names_in_doubt"] == [
        {"table": "surveys", "column": "comment", "texts": 1, "rows": ["2"]}
    ]


def test_names_of_earlier_exports_are_known_too(client, tmp_path):
    take_in(client, tmp_path / "w")
    (client.folder / "customers.csv").write_text("customer_id,name\nC-1,Somebody Else\n")
    take_in(client, tmp_path / "w")
    assert column(tmp_path / "w", "surveys", "comment")[3] == "guest: ask [name] (护照 [id number])"


def test_telephones_in_names_of_things_go_and_different_things_stay_different(client, tmp_path):
    take_in(client, tmp_path / "w")
    owners = column(tmp_path / "w", "customers", "owner")
    assert [re.sub(r"[0-9A-Za-z]{6}$", "…", owner) for owner in owners[:2]] == ["Wang [phone] …"] * 2
    assert len(set(owners)) == 4
    assert owners[2:] == ["shop 4006381333931", "Anna Lee"]
    stores, channels = (column(tmp_path / "w", "orders", name) for name in ("store", "channel"))
    assert [stores[1], stores[3], channels[0], channels[3]] == ["Shop 2025010112", "4006381333931", "web", "web"]
    assert stores[0].startswith("[phone] ")
    assert stores[2].startswith("联系[phone] ")
    assert channels[1].startswith("[phone] ")
    assert channels[2].startswith("[e-mail] ")
    assert column(tmp_path / "w", "orders", "order_id")[:2] == ["13800001234", "20250101123456"]


def test_forgetting_takes_the_name_out_of_others_words_and_says_where_a_part_of_it_remains(client, tmp_path):
    from crmlib.run_folder import writing_to

    out = tmp_path / "out"
    with writing_to(out, client):
        take_in(client, out / "workspace")
    # A workspace that an earlier version has made, with the names in it.
    file = out / "workspace" / "surveys.parquet"
    table = pq.read_table(file)
    said = ["Anna Schmidt told me", "Rose was unkind", "I am Anna", "ask Schmidt, Anna", "the Schmidt family"]
    at = table.column_names.index("comment")
    pq.write_table(table.set_column(at, "comment", pa.array(said)), file)
    (out / "workspace" / ".orders.parquet.0a1b2c3d").write_bytes(b"half")
    planned = plan_forget(client, "C-1001")
    report = forget(client, "C-1001")
    assert column(out / "workspace", "surveys", "comment") == [
        "[name] told me", "Rose was unkind", "ask [name]", "the Schmidt family",
    ]  # fmt: skip
    assert not (out / "workspace" / ".orders.parquet.0a1b2c3d").exists()
    assert "the person's name masked in 2 texts of others" in str(report)
    assert "surveys.parquet: 1 text of others in comment has a part of the person's name" in str(report)
    # The exports are the client's to change: the rows of others are named, too.
    named = [line for line in report.remains if "surveys.csv" in line and "person's name" in line]
    assert len(named) == 1
    assert named[0].endswith("2, 5") or "2 and 5" in named[0]
    assert [step.what for step in planned.done] == [step.what for step in report.done]


# Every byte


def contents(file):
    """A file as texts: what is packed unpacked, tables cell by cell, escapes resolved, and the bytes as they are."""
    raw = file.read_bytes()
    found = [raw.decode("utf-8", "replace"), raw.decode("utf-16-le", "replace")]
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        found += [str(value) for one in table.columns for value in one.to_pylist() if value is not None]
    if raw.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            found += [archive.read(name).decode("utf-8", "replace") for name in archive.namelist()]
    if raw.startswith(b"\x1f\x8b"):
        found.append(gzip.decompress(raw).decode("utf-8", "replace"))
    if file.suffix in (".json", ".ipynb"):
        found.append(json.dumps(json.loads(raw), ensure_ascii=False))
    return "\n".join(found).casefold()


def traces(folders, needles, *, but=()):
    """Which needles stand in which files below the folders."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file not in but]
    return {
        (file.name, needle)
        for file in files
        for text in [contents(file)]
        for needle in needles
        if needle.casefold() in text
    }


SHOW = """from crmlib import begin
chapter = begin("01_words", client, run)
words = chapter.table("surveys").select("customer_id", "comment").to_pandas()
chapter.keep(words, name="words")
words
"""


def test_no_byte_of_a_run_names_anybody_and_none_of_what_forget_and_purge_leave(tmp_path):
    """Canaries: each person is named by others with name, address, number, account and paper."""
    people = [
        (
            f"K-{7700 + n}",
            f"Xiomara{n} Wroblewska{n}",
            f"canary{n}@posteo{n}.example",
            f"1390000{n:04d}",
            f"E8765{n:04d}",
        )
        for n in range(20)
    ]
    people += [
        (f"K-{8800 + n}", f"{'欧阳诸葛'[n % 2 * 2:][:2]}{'睿渊梓萱'[n % 4]}{'沐宸'[n % 2]}", f"kanari{n}@x{n}.example",
         f"1370000{n:04d}", f"G1234{n:04d}")
        for n in range(4)
    ]  # fmt: skip
    customers = "".join(f"{i},{name},{mail},{phone}\n" for i, name, mail, phone, _ in people)
    orders = "".join(
        f"o{n}-{k},{people[n][0]},2025-0{1 + k}-0{1 + n % 9},{10 + n}\n" for n in range(24) for k in range(3)
    )
    orders += f"bad,{people[3][0]},2025-01-01,abc\n"
    surveys = ""
    for n, (who, *_) in enumerate(people):
        _, name, mail, phone, paper = people[(n + 1) % 24]
        spaced, hidden = " ".join(phone), "\u200b".join(phone)
        surname_first = ", ".join(reversed(name.split()))
        said = f"{name} / {surname_first} / {mail.replace('@', ' @ ')} / {phone} / {spaced} / {hidden} / 护照 {paper}"
        surveys += f'r{n},{who},2025-03-0{1 + n % 9},nps,{n % 11},"{said}"\n'
    file = write_client(
        tmp_path / "client",
        "customer_ids: pseudonyms\n",
        customers="customer_id,name,email,phone\n" + customers,
        orders="order_id,customer_id,ordered_at,amount\n" + orders,
        surveys="response_id,customer_id,answered_at,kind,score,comment\n" + surveys,
    )
    out, client = tmp_path / "out", load_client(file)
    exports = [client.folder / f"{name}.csv" for name in ("customers", "orders", "surveys")]
    write_chapter(tmp_path / "notebooks", "01_words", SHOW, needs={"surveys": ["comment"]})
    done = runner.run(file, output=out, notebooks=tmp_path / "notebooks")
    assert [one.status for one in done.chapters] == ["done"]
    needles = {part for one in people for part in (*one, " ".join(one[3]), "\u200b".join(one[3]), *one[1].split())}
    needles |= {one[2].replace("@", " @ ") for one in people}
    assert traces([tmp_path / "client"], needles)  # the exports hold them all: the scan finds what is there
    assert traces([out, client.folder / ".crmlib"], needles) == set()
    assert any("[name]" in said for said in column(out / "workspace", "surveys", "comment"))
    assert "[name]" in (out / "notebooks" / "01_words.ipynb").read_text(encoding="utf-8")

    who = people[3]
    own = {*who, *who[1].split(), " ".join(who[3])}
    assert traces([client.folder / "quarantine"], own)  # the row that cannot be used stands there as it was
    pseudonyms = set(column(out / "workspace", "customers", "customer_id"))
    forget(client, who[0])
    gone = pseudonyms - set(column(out / "workspace", "customers", "customer_id"))
    assert len(gone) == 1
    assert traces([client.folder, out], own | gone, but=[*exports, file]) == set()
    runner.run(file, output=out, notebooks=tmp_path / "notebooks")
    assert traces([client.folder, out], own | gone, but=[*exports, file]) == set()

    purge(client)
    assert traces([tmp_path], needles | pseudonyms) == set()
    assert not out.exists()
