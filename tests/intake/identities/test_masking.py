"""What stands in a free text instead of who a person is, and what is left as it was."""

import duckdb
import pytest

from crmlib.intake.identities import masking

GOES = [
    ("请回电13800001234谢谢", "请回电[phone]谢谢"),
    ("手机：+86 138-0000-1234。", "手机：[phone]。"),
    ("(+86) 13800001234", "[phone]"),
    ("008613800001234", "[phone]"),
    ("电话１３８００００１２３４", "电话[phone]"),
    ("138****1234 是我", "[phone] 是我"),
    ("tel13800001234x", "tel[phone]x"),
    ("打010-12345678找我", "打[phone]找我"),
    ("two: 13800001234,13900001234", "two: [phone],[phone]"),
    ("call (415) 555-2671 today", "call [phone] today"),
    ("call 415-555-2671.", "call [phone]."),
    ("Ruf an: +49 (0)170 1234567!", "Ruf an: [phone]!"),
    ("tel 0170/1234567", "tel [phone]"),
    ("01 23 45 67 89 merci", "[phone] merci"),
    ("my number is 4155552671", "my number is [phone]"),
    ("mail Anna.Schmidt+x@mail.example.co.uk, thanks", "mail [e-mail], thanks"),
    ("邮箱zhangsan@example.cn谢谢", "邮箱[e-mail]谢谢"),
    ("tel@example.com or 13800001234@example.com", "[e-mail] or [e-mail]"),
    ("zhang＠example．cn", "[e-mail]"),
    ("身份证11010119900307123X号", "身份证[id number]号"),
    ("身份证110101199003071234", "身份证[id number]"),
    ("卡号6222021234567890123", "卡号[account]"),
    ("card 4111 1111 1111 1111 declined", "card [account] declined"),
    ("6222 0212 3456 7890 123", "[account]"),
    ("加微信：zhangsan_88", "加微信：[account]"),
    ("加我微信 zhangsan88", "加我微信 [account]"),
    ("my WeChat ID is lisi-2020 ok", "my WeChat ID is [account] ok"),
    ("vx:wangwuwu", "vx:[account]"),
    ("微信13800001234", "微信[phone]"),
    ("v13800001234", "v[phone]"),
    ("no138-0000-1234!", "no[phone]!"),
    ("ID11010119900307123X", "ID[id number]"),
    ("QQ：110101199003071234", "QQ：[id number]"),
    ("QQ号：123456789", "QQ号：[account]"),
]

STAYS = [
    "订单号20250101123456有问题",
    "订单编号：TB-13800001234",
    "order #13800001234 is late",
    "订单号A13800001234",
    "TB138000012345678",
    "Order no. 1234567890",
    "tracking number is 123456789012",
    "单号 SF1234567890123",
    "订单2025010112345678901还没到",
    "SO20250101123456 arrived broken",
    "paid 1,299.00 on 2025-01-01 12:30:00",
    "2025-01-01 10 pieces 2025-01-02 12 pieces",
    "seit 01.02.2025 und 2023-2024",
    "花了1299元，打了8折",
    "¥12345678 for 3 pieces, score 10/10",
    "买了13次，等了18天，100%满意",
    "WeChat payment failed twice",
    "微信支付很方便",
    "room 12, 3rd floor, 24/7",
    "I love it!",
    "",
]


def masked(text: str | None) -> str | None:
    return duckdb.execute(f"SELECT {masking.mask('t')} FROM (SELECT ?::VARCHAR AS t)", [text]).fetchone()[0]


@pytest.mark.parametrize(("text", "expected"), GOES)
def test_numbers_and_addresses_of_a_person_leave_the_text(text, expected):
    assert masked(text) == expected


@pytest.mark.parametrize("text", STAYS)
def test_order_numbers_dates_amounts_and_words_stay(text):
    assert masked(text) == text


def test_an_empty_text_stays_empty():
    assert masked(None) is None


def test_several_kinds_in_one_text_are_each_named_and_counted():
    connection = duckdb.connect()
    masking.install(connection)
    connection.execute(
        "CREATE TABLE texts AS SELECT masked(t) AS comment FROM (VALUES "
        "('a@example.com, 13800001234, 身份证110101199003071234'), ('微信：abcdef1 订单号12345678901'), (NULL)) AS v(t)"
    )
    assert connection.execute("SELECT comment FROM texts").fetchall() == [
        ("[e-mail], [phone], 身份证[id number]",),
        ("微信：[account] 订单号12345678901",),
        (None,),
    ]
    assert masking.count_masked(connection, "texts", "comment") == {
        "email": 1,
        "phone": 1,
        "id_number": 1,
        "account": 1,
    }


def test_masking_what_is_masked_changes_nothing():
    for text, _ in GOES:
        once = masked(text)
        assert masked(once) == once


def test_marks_that_a_text_brings_along_cannot_confuse():
    assert masked("\ue001\ue002@\ue003\ue004\ue005 138\ue00200001234") == "@ [phone]"


OWN = [
    ("我是张三丰，请回复", "张三丰", "我是[name]，请回复"),
    ("我是张女士，姓张", "张三丰", "我是[name]，姓张"),
    ("紧张的先生", "李四", "紧张的先生"),
    ("ANNA SCHMIDT speaking", "Anna Schmidt", "[name] speaking"),
    ("Mrs Schmidt, Schmidtchen", "Anna Schmidt", "Mrs [name], Schmidtchen"),
    ("I will pay, says Will", "Will Özil", "I will pay, says [name]"),
    ("Özil again", "Will Özil", "[name] again"),
    ("a.b (c) wrote", "a.b (c)", "[name] wrote"),
    ("axb (c) wrote", "a.b (c)", "axb (c) wrote"),
    ("nobody", None, "nobody"),
    ("x marks", "x", "x marks"),
    ("  ", " ", "  "),
]


@pytest.mark.parametrize(("text", "name", "expected"), OWN)
def test_a_persons_own_name_leaves_the_text(text, name, expected):
    sql = masking.mask_own("t", {"name": "n"})
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS t, ?::VARCHAR AS n)", [text, name]).fetchone()[0] == expected


def test_own_address_phone_and_mail_leave_the_text_however_they_are_written():
    sql = masking.mask_own("t", {kind: kind for kind in ("name", "email", "phone", "address")})
    text = "12 High Street: call 55 12-34 or ANNA@EXAMPLE.COM, Anna"
    row = "SELECT ? AS t, 'Anna' AS name, 'anna@example.com' AS email, '551234' AS phone, '12 high street' AS address"
    shown = duckdb.execute(f"SELECT {sql} FROM ({row})", [text]).fetchone()[0]
    assert shown == "[address]: call [phone] or [e-mail], [name]"


def test_the_name_of_another_row_is_not_taken_for_ones_own():
    sql = masking.mask_own("t", {"name": "n"})
    rows = "VALUES ('Anna wrote', 'Anna'), ('Anna wrote', 'Berta'), ('Anna wrote', NULL)"
    shown = duckdb.sql(f"SELECT {sql} FROM ({rows}) AS v(t, n)").fetchall()
    assert shown == [("[name] wrote",), ("Anna wrote",), ("Anna wrote",)]


def test_an_unknown_kind_of_identity_is_refused():
    with pytest.raises(ValueError, match="birthday"):
        masking.mask_own("t", {"birthday": "b"})


def test_a_number_is_masked_in_every_one_of_many_texts():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE texts AS SELECT '物流很慢 delivery was late, call 1380000' || lpad((i % 10000)::VARCHAR, 4, '0') "
        "|| ' 订单号2025' || i AS t, 'Anna Schmidt' AS n FROM range(10000) AS r(i)"
    )
    sql = masking.mask(f"({masking.mask_own('t', {'name': 'n'})})")
    found = connection.execute(
        "SELECT count(*), count(*) FILTER (m LIKE '%1380000%'), count(*) FILTER (m LIKE '物流很慢 delivery was %') "
        f"FROM (SELECT {sql} AS m FROM texts)"
    ).fetchone()
    assert found == (10_000, 0, 10_000)
