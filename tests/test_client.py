import pytest

from crmlib.client import language_of, load_client
from crmlib.problems import UnusableInput
from crmlib.words import use

MINIMAL = "name: A\ncurrency: CNY\ntimezone: UTC\ntables: {orders: {from: a.csv}}\n"


def problems_of(tmp_path, text):
    file = tmp_path / "client.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInput) as unusable:
        load_client(file)
    return [str(problem).removeprefix(f"{file}") for problem in unusable.value.problems]


def test_every_problem_of_the_file_is_named_at_once_with_its_line(tmp_path):
    found = problems_of(
        tmp_path,
        "nam: Aurora\ncurrency: RMB\ntimezone: Asia/Shanghay\nas_of: yesterday\nmargin: 55\n"
        "tables:\n  order: {from: a.csv}\n  orders: {frm: a.csv, columns: {custmer_id: x}}\n",
    )
    assert [text for text in found if text.startswith(", line 1, ") and "'name'?" in text]
    assert [text for text in found if text.startswith(", line 2, ") and "ISO 4217" in text]
    assert [text for text in found if text.startswith(", line 3, ") and "IANA time zone" in text]
    assert [text for text in found if text.startswith(", line 4, ") and "2025-12-31" in text]
    assert [text for text in found if text.startswith(", line 5, ") and "expected at most 1" in text]
    assert [text for text in found if text.startswith(", line 7, ") and "did you mean 'orders'?" in text]
    assert [text for text in found if text.startswith(", line 8, ") and "did you mean 'from'?" in text]
    assert [text for text in found if text.startswith(", line 8, ") and "did you mean 'customer_id'?" in text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no keys"),
        ("name: [a", "line 1, column 9: found text that is not YAML"),
        ("- a\n- b", "no keys"),
        ("name: A\ncurrency: CNY\ntimezone: UTC\ntables: {}\n", "tables"),
        ("name: A\ncurrency: CNY\ntimezone: UTC\ntables: {orders: a.csv}\n", "keys with values below it"),
        ("name: A\ncurrency: CNY\ntimezone: UTC\nengine: oracle\ntables: {orders: {from: a.csv}}\n", "duckdb"),
        ("name: A\nname: B\ncurrency: CNY\n", "the key 'name' again (first in line 1)"),
        (f"{MINIMAL}as_of: 2025-02-30\n", "a date such as 2025-12-31"),
        (f"{MINIMAL}as_of: 20250230\n", "a date such as 2025-12-31"),
        (MINIMAL.replace("UTC", "localtime"), "an IANA time zone"),
        (f"{MINIMAL}path: x\n", "the unknown key 'path'"),
        ("name:\tA\n\tb: 1\n", "found a tab"),
        ("tables: &t {x: *t}\n", "an anchor that contains itself"),
        ("name: A\ncurrency: CNY\ntimezone: UTC\nlanguage: fr\ntables: {orders: {from: a.csv}}\n", "one of en, zh"),
    ],
)
def test_what_cannot_be_read_is_said_without_a_traceback(tmp_path, text, said):
    found = problems_of(tmp_path, text)
    assert len(found) == 1
    assert said in found[0]


def test_a_file_that_is_not_utf8_is_said_with_its_place(tmp_path):
    (tmp_path / "client.yaml").write_bytes("name: 极光".encode("gb18030"))
    with pytest.raises(UnusableInput, match="line 1, column 7: found a character that is not UTF-8"):
        load_client(tmp_path / "client.yaml")


@pytest.mark.parametrize("rest", ["", "name: [a", "name: 极光\nname: B\n"])
def test_the_language_is_known_even_where_the_rest_is_wrong(tmp_path, rest):
    file = tmp_path / "client.yaml"
    file.write_bytes(f"# language: en\nlanguage: 'zh'\n{rest}".encode("gb18030"))
    assert language_of(tmp_path) == language_of(file) == "zh"
    file.write_text("language: fr\n")
    assert language_of(file) == "en"


def test_problems_are_said_in_chinese(tmp_path):
    use("zh", "CNY")
    assert problems_of(tmp_path, MINIMAL.replace("UTC", "Shanghai")) == [
        "，第3行第1列：发现timezone的取值为'Shanghai'，应为IANA时区，例如'Asia/Shanghai'、'Europe/Berlin'或UTC。解决办法：请更正取值。"
    ]


def test_defaults_and_given_values(make_client):
    client = make_client("as_of: 2025-06-30\nmargin: 0.4\n", orders="order_id,ordered_at,amount\n")
    assert (client.margin, client.discount_rate, client.language) == (0.4, 0.10, "en")
    assert client.as_of.isoformat() == "2025-06-30"
    assert client.tables["orders"][0].source == "orders.csv"
