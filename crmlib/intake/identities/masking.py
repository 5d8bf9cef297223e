"""Who a person is leaves the free texts as well: e-mail addresses, telephone and card numbers, own names.

Everything is DuckDB SQL. Its regular expressions (RE2) cannot look around themselves, so one pattern consumes the
text from left to right: what is to stay (order numbers, dates, amounts) is consumed first and given back, what is to
go is consumed and leaves a mark that says of which kind it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.engine import identifier, literal

PLACEHOLDERS = {
    "name": "[name]",
    "email": "[e-mail]",
    "phone": "[phone]",
    "id_number": "[id number]",
    "account": "[account]",
    "address": "[address]",
}
"""What stands in a text instead of each kind of identity."""

_MARKS = "\ue001\ue002\ue003\ue004\ue005"
_WIDE = "０１２３４５６７８９＠．－＋　\u00a0\u2007\u2009\u202f"
_NARROW = "0123456789@.-+     "
_UNSEEN = "\u00ad\u180e\u200b\u2060\ufeff"
_UNSEEN_AFTER_DIGITS = r"([0-9０-９])[\x{200C}-\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FE0E}]+"
"""What joins emoji or turns the writing round belongs to words; between digits it only hides them."""
_GAP = r"[\s.-]?"

_AT = r"@|[(\[{]\s?(?:at|@)\s?[)\]}]"
_DOT = r"(?:\.|\s?[(\[{]\s?(?:dot|punkt|点)\s?[)\]}]\s?)"
_LETTER = r"\p{Latin}0-9"
_NAMED_AT = (
    rf"[{_LETTER}._%+-]+\s{{0,2}}({_AT})\s{{0,2}}[{_LETTER}-]+(?:{_DOT}[{_LETTER}-]+)*{_DOT}\p{{Latin}}[{_LETTER}-]*"
)
_EMAIL = _NAMED_AT.replace(f"({_AT})", f"(?:{_AT})")
_STAYS = (
    # Order, ticket and parcel numbers that are said to be such.
    r"(?:[#＃№]|订单编号|订单号码?|订单尾号|快递单号|运单号|工单号|流水号|单号|编号"
    r"|\b(?:order|invoice|tracking|ticket|case|parcel|reference)\s*(?:no\.?|nr\.?|number|id)"
    r"|\b(?:order|invoice|tracking|ticket|case|parcel|ref)\s*[:：.])"
    r"[\s:：是为#＃]*(?:is\s+)?[a-z]{0,4}[-_]?\d[\da-z]*(?:[-_/][\da-z]+)*",
    r"(?:订单|\border)\s*\d{12,}",
    # Days and times of day.
    r"(?:19|20)\d\d\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}日?(?:[t\s]*\d{1,2}:\d\d(?::\d\d)?)?",
    r"\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d\b",
    r"(?:19|20)\d\d\s?[-–/]\s?(?:19|20)\d\d\b",
    # Amounts.
    r"[¥￥$€£]\s?\d{1,9}(?:[.,]\d{3})*(?:[.,]\d{1,2})?\b",
    r"\d{1,9}(?:,\d{3})*(?:\.\d{1,2})?\s?(?:元|块|万|美元|欧元|cny|rmb|usd|eur)",
    # Words that are written on to a number: the number stands alone then.
    r"\b(?:telephone|tel|phone|mobile|cell|call|whatsapp|fax|ph)",
    r"\d{20,}",
)
_WECHAT = r"(?:微信|weixin|wechat|\bvx|\bwx)\s*"
_ACCOUNT_NAMES = (
    rf"({_WECHAT}(?:(?:号码|账号|帐号|号|\bid\b|\bis\b|是|为|[:：=])\s*)+)[a-z][a-z0-9_-]{{4,19}}",
    rf"({_WECHAT})[a-z][a-z_-]*[0-9_][a-z0-9_-]*",
    r"(\bqq(?:\s*(?:号码|号|是|为|is|[:：=]))*\s*)[1-9]\d{4,10}\b",
)
_BORN = r"(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PAPERS = (
    r"护照|通行证|台胞证|回乡证|军官证|身份证|驾驶证|驾照|社保卡?|\bpassport|\breisepass|\bpass|\b(?:personal)?ausweis"
    r"|\bid[ -]?card|\bnational\s+id|\bdriv(?:er|ing)(?:'?s)?\s+licen[cs]e|\bssn"
    r"|\bsocial\s+security|\b(?:tax|steuer)[ -]?id"
)
_ID_NUMBERS = (
    rf"[1-9]\d{{5}}\s?{_BORN}\s?\d{{3}}",
    rf"[1-9]\d{{5}}-{_BORN}-\d{{3}}",
    r"\b\d{3}-\d\d-\d{3}",
    rf"((?:{_PAPERS})(?:[\s-]*(?:号码?|编号|\bno\.?|\bnr\.?|\bnumber|nummer|#))?[\s:：.是为]*(?:(?:is|ist|lautet)\s+)?)"
    r"[a-z]{0,3}\s?\d[\da-z]{4,16}",
)
_IBANS = {
    15: "NO", 16: "BE", 18: "DK FO FI GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
    30: "JO KW MU", 31: "MT SC", 32: "LC",
}  # fmt: skip
"""Countries by the length of their bank accounts' numbers (ISO 13616, SWIFT's registry)."""


def _accounts() -> str:
    """Account numbers with all their characters together, or in fours that begin with a digit from the second on."""
    found = []
    for length, countries in _IBANS.items():
        fours, rest = divmod(length - 8, 4)
        end = rf"[\s-][\da-z]{{{rest}}}" if rest else ""
        grouped = rf"[\s-][\da-z]{{4}}(?:[\s-]\d[\da-z]{{3}}){{{fours}}}{end}"
        found.append(rf"\b(?:{countries.replace(' ', '|')})\d\d(?:[\da-z]{{{length - 4}}}|{grouped})\b")
    return "|".join(found)


_CARDS = (r"\d{16,18}", r"\d{4}(?:[\s-]\d{4}){3}[\s-]\d{1,3}", r"\d{4}(?:[\s-]\d{4}){3}")
# The last digit is left to the group that tells the kind.
_PHONES = (
    r"\d{11,14}",
    rf"(?:(?:\+|00)\s?86[\s-]*|[(（]\+?86[)）]\s*)?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{3}}",
    rf"(?:(?:\+|00)\s?86[\s-]*)?1[3-9]\d\d{_GAP}\d{{3}}{_GAP}\d{{3}}",
    r"1[3-9]\d[*x]{4}\d{3}",
    # A blank between every two digits.
    r"1[\s.·-][3-9](?:[\s.·-]\d){8}[\s.·-]",
    r"(?:\+|\b0)(?:[\s.·-]\d){8,13}[\s.·-]",
    r"(?:\+|00)[1-9]\d{0,2}[\s/.-]*(?:\(0?\d{0,4}\)[\s/.-]*)?(?:\d[\s/.()-]{0,2}){5,12}",
    rf"(?:1[\s.-])?\(?[2-9]\d\d\)?{_GAP}[2-9]\d\d[\s.-]\d{{3}}",
    r"\(?0[1-9]\d{0,3}\)?[\s/.-]{0,3}(?:\d[\s/.-]?){6,9}",
    r"\d{8,14}",
)
_CODES_AND_NUMBERS = r"[a-z_]+[-_]?\d[\da-z_-]*|\d+"

# Groups: 1 an e-mail's @, 2 what stays, 3 to 5 the words before an account's name, 6 those before the number of a
# paper, 7 the last digit of such a number, 8 that of a telephone number, 9 codes and short numbers, which stay too.
_EVERYTHING = (
    rf"(?i){_NAMED_AT}|({'|'.join(_STAYS)})|{'|'.join(_ACCOUNT_NAMES)}|{_accounts()}|\d{{19}}"
    rf"|(?:{'|'.join(_ID_NUMBERS)})([\dx])|{'|'.join(_CARDS)}|(?:{'|'.join(_PHONES)})(\d)|({_CODES_AND_NUMBERS})"
)
# What is given back stands between the first two marks; in the other gaps stands what tells the kind. Nothing
# between any of them: an account.
_GIVEN_BACK = "\\3\\4\\5\\6\ue001\\2\\9\ue002\\1\ue003\\8\ue004\\7\ue005"
_KINDS = (
    ("email", "\ue001\ue002[^\ue001-\ue005]+\ue003\ue004\ue005"),
    ("phone", "\ue001\ue002\ue003[0-9]\ue004\ue005"),
    ("id_number", "\ue001\ue002\ue003\ue004[0-9xX]\ue005"),
    ("account", "\ue001\ue002\ue003\ue004\ue005"),
)
# Letters written on to a mobile or an id-card number are parted from it; in a number said to be an order's they stay.
_WRITTEN_ON = (
    rf"(?i)({_EMAIL}|{_accounts()}|{'|'.join(_STAYS)})|([a-z_]+)((?:\+?86)?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}\b"
    rf"|[1-9]\d{{5}}{_BORN}\d{{3}}[\dx]\b)"
)
_DIGIT = "\\1"
_PARTED = "\\1\\2\ue005\\3"
# Only texts in which one of these stands are looked at closely: that is what takes time.
_MAY_HOLD = (
    rf"(?i){_PAPERS}|"
    r"(?:[0-9０-９*][\s().（）/x*－.+·\x{AD}\x{A0}\x{180E}\x{2000}-\x{200F}\x{202A}-\x{202F}\x{2060}-\x{2069}\x{FE0E}\x{FEFF}-]*){7}"
    r"|[@＠]|[(\[{]\s?at\s?[)\]}]|微信|weixin|wechat|\b[vw]x|\bqq"
)


def mask(text: str) -> str:
    """The SQL of a text without e-mail addresses, telephone, id-card, bank-card numbers and WeChat or QQ names.

    Each becomes the word in brackets that :data:`PLACEHOLDERS` has for its kind. Numbers said to be an order's
    (after ``#``, ``订单号``, ``order no``), codes with letters, dates and amounts stay. Where it cannot be told, a
    number of nine digits or more goes. Full-width digits are written narrow. NULL stays NULL.

    >>> import duckdb
    >>> shown = duckdb.sql(f"SELECT {mask('t')} FROM (SELECT '打13800001234，订单号20250101123456' AS t)")
    >>> shown.fetchone()[0]
    '打[phone]，订单号20250101123456'
    """
    plain = _plain(text)
    parted = f"regexp_replace({plain}, {literal(_WRITTEN_ON)}, {literal(_PARTED)}, 'g')"
    marked = f"regexp_replace({parted}, {literal(_EVERYTHING)}, {literal(_GIVEN_BACK)}, 'g')"
    for kind, pattern in _KINDS:
        marked = f"regexp_replace({marked}, {literal(pattern)}, {literal(PLACEHOLDERS[kind])}, 'g')"
    return (
        f"CASE WHEN regexp_matches({text}, {literal(_MAY_HOLD)}) "
        f"THEN translate({marked}, {literal(_MARKS)}, '') ELSE {text} END"
    )


_IN_NAMES = (
    rf"(?i){_EMAIL}"
    rf"|(?:^|\D)1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?:\D|$)|(?:^|\D)1[\s.-][3-9](?:[\s.-]\d){{9}}(?:\D|$)"
    r"|(?:\+|\b00)[1-9](?:[\s().·/-]{0,2}\d){7,13}|(?:^|\D)\(?0[1-9]\d{1,3}\)?[\s/-]{1,3}\d(?:[\s/-]?\d){5,8}(?:\D|$)"
    rf"|(?:^|\D)[1-9]\d{{5}}{_BORN}\d{{3}}[\dx]|{_accounts()}"
)


def names_a_contact(text: str) -> str:
    """The SQL of whether the name of a thing (a shop, an owner, a channel) holds an e-mail address or a telephone.

    It is stricter than :func:`mask`: long numbers of shops and products are theirs.

    >>> import duckdb
    >>> cells = "(VALUES ('Anna 138-0000-1234'), ('Shop 2025010112'), ('4006381333931')) AS v(t)"
    >>> duckdb.sql(f"SELECT {names_a_contact('t')} FROM {cells}").fetchall()
    [(True,), (False,), (False,)]
    """
    return f"coalesce(regexp_matches({_plain(text)}, {literal(_IN_NAMES)}), false)"


def _plain(text: str) -> str:
    """The SQL of a text in narrow characters, without those that cannot be seen."""
    seen = f"regexp_replace({text}, {literal(_UNSEEN_AFTER_DIGITS)}, {literal(_DIGIT)}, 'g')"
    return f"translate({seen}, {literal(_WIDE + _MARKS + _UNSEEN)}, {literal(_NARROW)})"


def mask_own(text: str, identities: Mapping[str, str]) -> str:
    """The SQL of a text in which the row's own person is not named.

    ``identities`` gives the SQL of the person's ``name``, ``email``, ``phone`` and ``address`` (columns joined to the
    row; empty where unknown). Of a name its parts go as well (three letters or more, with the same capitals), and a
    Chinese surname before a form of address (张女士). A value of a single character is passed over.

    >>> import duckdb
    >>> sql = mask_own("t", {"name": "n"})
    >>> duckdb.sql(f"SELECT {sql} FROM (SELECT 'Anna Schmidt here, call Schmidt' AS t, 'Anna Schmidt' AS n)").fetchone()
    ('[name] here, call [name]',)
    """
    unknown = sorted(set(identities) - set(_OWN))
    if unknown:
        raise ValueError(f"no kind of identity: {', '.join(unknown)}; use {', '.join(_OWN)}")
    masked = text
    for kind in (kind for kind in _OWN if kind in identities):
        found, pattern = _OWN[kind](text, f"trim(CAST({identities[kind]} AS VARCHAR))")
        shown = literal(PLACEHOLDERS[kind])
        masked = f"CASE WHEN {found} THEN regexp_replace({masked}, {pattern}, {shown}, 'g') ELSE {masked} END"
    return masked


def _whole(text: str, value: str) -> tuple[str, str]:
    """Whether the value stands in the text, and the pattern of it, without regard to case."""
    found = f"len({value}) >= 2 AND contains(lower({text}), lower({value}))"
    return found, f"'(?i)' || regexp_escape({value})"


def _number(text: str, value: str) -> tuple[str, str]:
    """As :func:`_whole`, of the digits of a telephone number, however they are grouped."""
    digits = f"right(regexp_replace({value}, '[^0-9]', '', 'g'), 11)"
    found = f"len({digits}) >= 6 AND contains(regexp_replace({text}, '[^0-9]', '', 'g'), {digits})"
    return found, f"left({digits}, 1) || regexp_replace(substr({digits}, 2), '([0-9])', '[ ()./-]*\\1', 'g')"


def _name(text: str, value: str) -> tuple[str, str]:
    """As :func:`_whole`, of a name, its parts, and a Chinese surname before a form of address."""
    chinese = f"regexp_matches({value}, '^\\p{{Han}}{{2,4}}$')"
    parts = (
        f"list_filter(string_split_regex({value}, '[\\s,;]+'), "
        f"lambda part: len(part) >= 3 AND regexp_matches(part, '^\\p{{L}}') AND NOT regexp_matches(part, '\\p{{Han}}'))"
    )
    found = (
        f"len({value}) >= 2 AND (contains(lower({text}), lower({value})) "
        f"OR len(list_filter({parts}, lambda part: contains({text}, part))) > 0 "
        f"OR ({chinese} AND contains({text}, left({value}, 1))))"
    )
    # A word boundary is known for plain letters only.
    edge = "CASE WHEN regexp_matches({0}, '[A-Za-z]') THEN '\\b' ELSE '' END"
    bounded = (
        f"list_transform({parts}, lambda part: {edge.format('left(part, 1)')} || regexp_escape(part) "
        f"|| {edge.format('right(part, 1)')})"
    )
    pattern = (
        f"concat('(?i:', regexp_escape({value}), ')', "
        f"CASE WHEN {chinese} THEN concat('|', left({value}, 1), '(?:{_TITLES})') ELSE '' END, "
        f"CASE WHEN len({parts}) > 0 THEN '|' || array_to_string({bounded}, '|') ELSE '' END)"
    )
    return found, pattern


_TITLES = "先生|女士|小姐|太太|阿姨|老师|总"
_OWN = {"address": _whole, "email": _whole, "phone": _number, "name": _name}


def install(connection: Any) -> None:
    """Create the macro ``masked(text)`` in DuckDB for this connection: :func:`mask` under a name."""
    connection.execute(f"CREATE OR REPLACE TEMP MACRO masked(words) AS {mask('words')}")


def count_masked(connection: Any, relation: str, column: str) -> dict[str, int]:
    """How often each placeholder stands in a column of masked texts, by kind; kinds that do not occur are left out.

    >>> import duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE t AS SELECT 'call [phone] or [phone], [name]' AS comment")
    >>> count_masked(connection, "t", "comment")
    {'name': 1, 'phone': 2}
    """
    counted = ", ".join(
        f"coalesce(sum(len(string_split({identifier(column)}, {literal(shown)})) - 1), 0)"
        for shown in PLACEHOLDERS.values()
    )
    numbers = connection.execute(f"SELECT {counted} FROM {relation}").fetchone()
    return {kind: int(number) for kind, number in zip(PLACEHOLDERS, numbers, strict=True) if number}
