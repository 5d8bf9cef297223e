import pytest

from crmlib.intake.readers.encodings import told_apart

GERMAN = ["Müller", "Größe", "Straße", "Jürgen Weiß", "Köln", "Überweisung", "Österreich", "ZÜRICH", "GRÖSSE", "schön"]
FRENCH = [
    "café",
    "Hélène",
    "créée",
    "Noël",
    "François",
    "Éric",
    "À l’heure",
    "garçon",
    "CRÉÉE",
    "déjà",
    "ÉCOLE",
    "œuvre",
]
SPANISH = ["Muñoz", "José Ibáñez", "España", "Núñez", "Bogotá", "México", "Año", "MUÑOZ"]
PORTUGUESE = ["São Paulo", "João", "Conceição", "Informações", "Coração", "Gonçalves", "promoção", "AÇÃO", "INFORMAÇÃO"]
NORDIC = ["Ångström", "Øster", "Bjørn", "Malmö", "Håkan", "Jyväskylä"]
SIGNS = ["£2.55", "£12,00", "é", "à"]
CHINESE = [
    "订单编号", "买家会员名", "买家实际支付金额", "收货地址 ", "交易成功", "交易关闭", "卖家已发货", "男", "女",
    "是", "否", "张三", "李伟", "王芳", "T恤", "A款", "VIP客户", "上海市浦东新区", "货到付款", "红色;XL码",
    "北京 朝阳区 88号", "单价（元）", "“双十一”活动", "退款成功", "快递：顺丰", "2025年1月3日",
]  # fmt: skip


@pytest.mark.parametrize("word", [*GERMAN, *FRENCH, *SPANISH, *PORTUGUESE, *NORDIC, *SIGNS])
def test_one_western_cell_is_not_taken_for_chinese(word):
    verdict = told_apart([f"17;{word};5\n".encode("cp1252")])
    assert (verdict.codec, verdict.certain) == ("cp1252", True)


@pytest.mark.parametrize("word", CHINESE)
def test_one_chinese_cell_is_not_taken_for_western(word):
    verdict = told_apart([f"17,{word},5\n".encode("gb18030")])
    assert (verdict.codec, verdict.certain) == ("gb18030", True)


@pytest.mark.parametrize("words", [GERMAN, FRENCH, SPANISH, PORTUGUESE, NORDIC])
def test_western_lists_are_western_whatever_separates_them(words):
    for mark in (",", ";", "\t", " "):
        text = mark.join(words) + "\n"
        assert told_apart([text.encode("cp1252")]).codec == "cp1252"


def test_rare_characters_in_chinese_names_do_not_make_them_western():
    names = ["李喆", "张堃", "王玥", "朱镕基", "陈珺", "赵囍", "刘鑫淼", "客户"]
    verdict = told_apart([f"{name},上海\n".encode("gb18030") for name in names])
    assert (verdict.codec, verdict.certain) == ("gb18030", True)


def test_where_nothing_tells_them_apart_it_says_that_it_is_not_certain(read):
    source = read.one("id,name\n1,Иванов\n".encode("cp1251"))
    assert any("not certain; set `encoding:`" in note for note in read.said(source.notes))
    assert read.rows(read.one("id,name\n1,Иванов\n".encode("cp1251"), encoding="cp1251"))[2]["name"] == "Иванов"


@pytest.mark.parametrize(
    ("encoding", "text", "said"),
    [
        ("utf-8", "订单,名\n1,Müller 张\n", "UTF-8"),
        ("utf-8-sig", "订单,名\n1,Müller 张\n", "UTF-8"),
        ("utf-16", "订单\t名\n1\tMüller 张\n", "UTF-16"),
        ("utf-32", "订单\t名\n1\tMüller 张\n", "UTF-32"),
        ("utf-16-le", "id\tname\n1\tMüller 张\n", "UTF-16 without"),
        ("utf-16-be", "id\tname\n1\tMüller 张\n", "UTF-16 without"),
        ("gb18030", "订单,名\n1,张三\n", "GB18030"),
        ("cp1252", "id,name\n1,Müller\n", "Windows-1252"),
    ],
)
def test_each_rung_of_the_ladder_reads_its_files_right(read, encoding, text, said):
    source = read.one(text.encode(encoding))
    (row,) = read.rows(source).values()
    lines = [line.replace("\t", ",").split(",") for line in text.splitlines()]
    assert [list(row), list(row.values())] == lines
    assert said in str(source.notes[0])


def test_a_set_encoding_wins_over_the_ladder(read):
    file = "id,name\n1,Łódź\n".encode("cp1250")
    assert read.rows(read.one(file, encoding="cp1250"))[2]["name"] == "Łódź"
    assert read.rows(read.one("客户\n张\n".encode("gbk"), encoding="GB2312"))[2]["客户"] == "张"


@pytest.mark.parametrize("name", ["utf-9", "hex", "rot13", "no such", "a\0b"])
def test_an_encoding_that_is_none_is_said(read, name):
    assert "the name of a text encoding" in str(read.problem("id\n1\n", encoding=name))


def test_a_file_that_contradicts_its_set_encoding_is_said_with_the_row(read):
    problem = read.problem("id,name\n1,a\n2,Müller\n".encode("cp1252"), encoding="utf-8")
    assert problem.found.startswith("a character that is not UTF-8")
    assert "encoding:" in problem.remedy


def test_lines_of_two_encodings_are_each_read_by_their_own(read):
    parts = [
        "id,城市\n".encode(),
        "1,上海\n".encode("gbk"),
        "2,北京\n".encode(),
        b"3,plain\n",
        "4,广州\n".encode("gbk"),
    ]
    source = read.one(b"".join(parts))
    assert [row["城市"] for row in read.rows(source).values()] == ["上海", "北京", "plain", "广州"]
    assert str(source.notes[0]).endswith("UTF-8 in 2 (the first: line 1), GB18030 in 2 (the first: line 2).")
    western = read.one("id,name\n1,Müller\n".encode() + "2,José\n".encode("cp1252"))
    assert [row["name"] for row in read.rows(western).values()] == ["Müller", "José"]


def test_a_character_cut_in_half_is_counted_and_does_not_change_how_the_others_are_read(read):
    chinese = ["id,备注\n", *(f"{n},交易成功的订单\n" for n in range(20))]
    for encoding in ("gb18030", "utf-8"):
        lines = [line.encode(encoding) for line in chinese]
        lines[7] = lines[7][:-2] + b"\n"
        source = read.one(b"".join(lines))
        values = [row["备注"] for row in read.rows(source).values()]
        assert values.count("交易成功的订单") == 19
        assert values[6].startswith("交易成功的订")
        assert any("1 line holds a character that is cut off or damaged" in note and "line 8" in note
                   for note in read.said(source.notes))  # fmt: skip


def test_a_chinese_line_that_happens_to_be_utf_8_is_read_as_the_others_are(read):
    # "没" in GB18030 is C3 BB, which is "û" in UTF-8; "模" is C4 A3, which is "ģ".
    source = read.one("客户,备注\n甲,模\n张三,没有\n".encode("gb18030") + b"1," + "模".encode("gb18030") + b"\n")
    assert [row["备注"] for row in read.rows(source).values()] == ["模", "没有", "模"]


def test_one_damaged_byte_does_not_make_another_language_chinese(read):
    for word in ("Москва", "Αθήνα", "ירושלים"):
        lines = [f"{n},{word} {word}\n".encode() for n in range(9)]
        lines[4] = lines[4].replace(b"\n", b"\xd0\n")
        values = [row["city"] for row in read.rows(read.one(b"id,city\n" + b"".join(lines))).values()]
        assert values.count(f"{word} {word}") == 8
        assert values[4].startswith(f"{word} {word}")


def test_a_western_line_in_a_chinese_file_is_read_as_what_it_is(read):
    lines = [f"{n},交易成功\n".encode("gbk") for n in range(50)] + [
        "99,Müller\n".encode("cp1252"),
        "7,VIP是\n".encode("gbk"),
    ]
    source = read.one("id,备注\n".encode("gbk") + b"".join(lines))
    assert [row["备注"] for row in read.rows(source).values()] == ["交易成功"] * 50 + ["Müller", "VIP是"]
    assert "Windows-1252 in 1 (the first: line 52)" in str(source.notes[0])


def test_byte_order_marks_between_concatenated_files_belong_to_no_value(read):
    part = "\ufeffid,name\n1,张\n".encode()
    source = read.one(part + part)
    assert read.rows(source) == {2: {"id": "1", "name": "张"}, 4: {"id": "1", "name": "张"}}
    assert read.said(source.not_data) == [(3, "the headings again")]


def test_utf_16_that_is_cut_off_is_said(read):
    assert "cut off" in read.problem("id;name\n1;Eva\n".encode("utf-16")[:-1]).remedy
