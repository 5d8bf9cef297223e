import random
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from crmlib.intake.identities.duplicates import duplicate_pairs
from crmlib.intake.identities.matching import probable_pairs
from crmlib.problems import UnusableInput

pytest.importorskip("splink", reason="the extra for matching is not installed")

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建文志国春梅海燕云峰龙雪琳晨宇轩梓涵浩然子萱"
FIRST = ["Anna", "Jonas", "Marie", "Lukas", "Sophie", "Oliver", "Emma", "Peter", "Julia", "Martin", "Nina", "Simon"]
LAST = ["Schmidt", "Keller", "Wagner", "Fischer", "Johnson", "Walker", "Bennett", "Morrison", "Hughes", "Lindberg"]
CITIES = ["上海市", "北京市", "深圳市", "杭州市", "成都市", "武汉市", "南京市", "西安市"]
ROADS = ["人民路", "中山路", "解放路", "建设路", "和平路", "新华路", "长江路", "文化路", "科技路", "学院路"]
PEOPLE, DUPLICATED = 5_000, 0.08


def typo(text: str, chance: random.Random, letters: str) -> str:
    at = chance.randrange(len(text))
    kind = chance.randrange(3)
    if kind == 0:
        return text[:at] + chance.choice(letters) + text[at + 1 :]
    if kind == 1 and len(text) > 3:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def person(number: int, chance: random.Random) -> dict[str, str | None]:
    if chance.random() < 0.5:
        name = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2))))
        mailbox = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) + str(number)
    else:
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        mailbox = name.lower().replace(" ", ".") + str(number)
    city = chance.choice(CITIES)
    provider = chance.choice(("qq.com", "163.com", "gmail.com"))
    return {
        "customer_id": f"c{number:05d}",
        "name": name,
        "email": f"{mailbox}@{provider}" if chance.random() < 0.7 else None,
        "phone": f"13{chance.randrange(10**9):09d}" if chance.random() < 0.85 else None,
        "birthday": f"{chance.randrange(1950, 2006)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}",
        "address": f"{city}{chance.choice(ROADS)}{number}号{chance.randrange(1, 900)}室",
        "city": city,
        "gender": None,
        "first_seen_at": f"2023-{chance.randrange(1, 13):02d}-01",
    }


def written_again(original: dict[str, str | None], number: int, chance: random.Random) -> dict[str, str | None]:
    """The same person entered a second time: other habits of writing, typing errors, things not told."""
    again = {**original, "customer_id": f"d{number:05d}", "first_seen_at": "2024-06-01"}
    if chance.random() < 0.25:
        again["name"] = typo(str(original["name"]), chance, GIVEN if original["name"] > "一" else "aeinrst")
    if original["email"]:
        again["email"] = chance.choices(
            (f" {original['email'].title()} ", None, original["email"].split("@")[0] + "@outlook.com",
             typo(original["email"].split("@")[0], chance, "aeinrst") + "@" + original["email"].split("@")[1]),
            weights=(35, 30, 15, 20),
        )[0]  # fmt: skip
    if original["phone"]:
        phone = original["phone"]
        again["phone"] = chance.choices(
            (f"+86 {phone[:3]} {phone[3:7]} {phone[7:]}", phone + ".0", None, typo(phone, chance, "0123456789"),
             f"13{chance.randrange(10**9):09d}"),
            weights=(20, 15, 30, 20, 15),
        )[0]  # fmt: skip
    year, month, day = str(original["birthday"]).split("-")
    again["birthday"] = chance.choices(
        (original["birthday"], None, f"{year}-{day}-{month}" if int(day) <= 12 else original["birthday"]),
        weights=(75, 20, 5),
    )[0]
    if chance.random() < 0.4:
        again["address"] = chance.choice((None, typo(str(original["address"]), chance, "0123456789")))
    return again


def traps(people: list[dict[str, str | None]], chance: random.Random) -> None:
    """People whose records look alike although they are different people; none of them is entered twice."""
    at = int(PEOPLE * DUPLICATED)
    for n in range(60):  # namesakes in one city, of different birthdays
        people[at + 2 * n + 1] |= {"name": people[at + 2 * n]["name"], "city": people[at + 2 * n]["city"]}
    at += 120
    for n in range(30):  # couples with one phone and one address
        people[at + 2 * n] |= {"phone": f"1370000{n:04d}"}
        people[at + 2 * n + 1] |= {name: people[at + 2 * n][name] for name in ("phone", "address", "city")}
    at += 60
    for n in range(12):  # the phone of the shop; nobody was asked for a birthday
        people[at + n] |= {"phone": "021-5555 6666", "birthday": None}
    for n in range(12, 16):  # the office's address
        people[at + n] |= {"email": "info@company.com", "birthday": None}
    for n in range(16, 20):
        people[at + n] |= {"phone": chance.choice(("13800138000", "138****1234", "11111111111")), "birthday": None}


@pytest.fixture(scope="module")
def known():
    chance = random.Random(20250101)
    people: list[dict[str, str | None]] = []
    distinct: set[tuple[str | None, str | None]] = set()
    while len(people) < PEOPLE:  # nobody shares name and birthday with somebody else: that would be one by the rules
        one = person(len(people), chance)
        if (one["name"], one["birthday"]) not in distinct:
            people.append(one)
            distinct.add((one["name"], one["birthday"]))
    traps(people, chance)
    again = [written_again(people[n], n, chance) for n in range(int(PEOPLE * DUPLICATED))]
    truth = {(f"d{n:05d}", f"c{n:05d}") for n in range(len(again))}
    rows = [*people, *again]
    chance.shuffle(rows)
    return pa.Table.from_pylist(rows), truth


def quality(pairs, truth):
    found = set(zip(pairs["customer_id"].to_pylist(), pairs["duplicate_of"].to_pylist(), strict=True))
    return len(found & truth) / len(found), len(found & truth) / len(truth)


@pytest.fixture(scope="module")
def by_keys(known):
    return duplicate_pairs(duckdb.connect(), known[0])


@pytest.fixture(scope="module")
def probable(known):
    return probable_pairs(duckdb.connect(), known[0])


def test_keys_join_no_namesakes_couples_or_people_with_a_shared_contact(known, by_keys):
    precision, recall = quality(by_keys, known[1])
    assert precision == 1.0
    assert 0.80 <= recall <= 0.92


def test_the_model_finds_more_than_the_keys_and_is_rarely_wrong(known, by_keys, probable):
    precision, recall = quality(probable, known[1])
    assert precision >= 0.95
    assert recall >= quality(by_keys, known[1])[1] + 0.05


def test_what_is_less_probable_is_more_often_wrong(known, probable):
    sure, unsure = (probable.filter(test(probable["probability"], 0.9999)) for test in (pc.greater_equal, pc.less))
    assert unsure.num_rows >= 15
    assert quality(sure, known[1])[0] >= 0.99
    assert 0.6 <= quality(unsure, known[1])[0] < quality(sure, known[1])[0]


def test_couples_with_one_phone_and_address_are_two_people(probable):
    couples = {f"c{n:05d}" for n in range(520, 580)}
    answered = set(probable["customer_id"].to_pylist()) | set(probable["duplicate_of"].to_pylist())
    assert not couples & answered


def test_the_order_of_the_rows_does_not_change_the_answer(known):
    some = known[0].filter(pc.less(pc.utf8_slice_codeunits(known[0]["customer_id"], 1), "00250"))
    turned = some.take(pa.array(range(some.num_rows - 1, -1, -1)))
    one, other = (probable_pairs(duckdb.connect(), table) for table in (some, turned))
    assert one.num_rows > 200
    assert one.equals(other)


def test_what_speaks_for_a_pair_is_said_in_words_and_without_contents(known, probable):
    reasons = " ".join(probable["because"].to_pylist())
    assert "the same name" in reasons
    assert "e-mail addresses that differ in a letter or two" in reasons
    assert "; although different phone numbers" in reasons
    assert not any(name in reasons for name in known[0]["name"].to_pylist())
    assert not any(sign in reasons for sign in "@0123456789")
    assert probable.column_names == ["customer_id", "duplicate_of", "probability", "because"]


def test_nothing_is_left_in_the_database(known):
    connection = duckdb.connect()
    probable_pairs(connection, known[0].slice(0, 300))
    assert connection.sql("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    assert connection.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchone() == (0,)


def test_people_with_nothing_in_common_are_no_probable_pair():
    strangers = pa.table(
        {"customer_id": ["a", "b"], "name": ["王小明", "Anna Schmidt"], "phone": ["13912345670", "02166778899"]}
    )
    assert probable_pairs(duckdb.connect(), strangers).num_rows == 0


def test_too_little_to_compare_is_said():
    with pytest.raises(UnusableInput, match="two or more of name, email"):
        probable_pairs(duckdb.connect(), pa.table({"customer_id": ["a", "b"], "name": ["王小明", "王小红"]}))


def test_without_splink_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(UnusableInput, match=r"pip install .crmlib\[matching\]"):
        probable_pairs(duckdb.connect(), pa.table({"customer_id": ["a"], "name": ["王小明"]}))
