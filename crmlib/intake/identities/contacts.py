"""What makes two records comparable: names, e-mail addresses, phone numbers and addresses written in one way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from crmlib.engine import identifier, literal

RULES = ("same_email", "same_phone", "same_name_and_birthday", "same_name_and_address")
"""The deterministic rules, and with them the columns that each compares."""

NEEDS: dict[str, tuple[str, ...]] = {
    "same_email": ("email",),
    "same_phone": ("phone",),
    "same_name_and_birthday": ("name", "birthday"),
    "same_name_and_address": ("name", "address"),
}

_ONE_WIDTH = "_in_one_width"

_ROLES = (
    "info", "service", "services", "customerservice", "customer.service", "support", "help", "helpdesk", "sales",
    "contact", "kontakt", "contato", "office", "admin", "administrator", "hello", "mail", "email", "post", "team",
    "shop", "store", "order", "orders", "billing", "accounting", "accounts", "invoice", "rechnung", "buchhaltung",
    "einkauf", "purchasing", "procurement", "noreply", "no-reply", "donotreply", "do-not-reply", "hr", "jobs",
    "marketing", "newsletter", "webmaster", "postmaster", "root", "test", "demo", "none", "null", "na", "n.a", "no",
    "unknown", "customer", "guest", "anonymous", "kefu", "客服", "销售", "服务", "采购", "财务", "行政", "市场", "测试",
)  # fmt: skip

_NO_NAMES = (
    "unknown", "unbekannt", "anonymous", "anonym", "guest", "guestcustomer", "guestuser", "customer", "newcustomer",
    "test", "testtest", "testuser", "testcustomer", "unknownunknown", "firstnamelastname", "firstlast", "noname",
    "none", "null", "nan", "微信用户", "支付宝用户", "匿名", "匿名用户", "匿名客户",
    "未知", "未知客户", "未填写", "未提供", "客户", "顾客", "会员",
    "新客户", "新用户", "测试", "测试用户", "测试客户", "用户", "无名", "游客", "散客",
)  # fmt: skip

_TITLES = r"^(mr|mrs|ms|miss|dr|prof|herr|frau|madame|monsieur)\b\.?\s*"
_TITLES_BEHIND = r"\s*(先生|女士|小姐|太太|老师|总)$"
_LEGAL_FORMS = (
    r"[\s,.]*(股份有限公司|有限责任公司|有限公司|"
    r"\b(co\.?,?\s*ltd|ltd|limited|inc|llc|corp|gmbh|ag|b\.?v|s\.?a|plc)\.?)$"
)
_EAST_ASIAN = r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]"


def is_filler(name: str) -> bool:
    """Whether a name stands for "nobody": ``Guest``, ``微信用户``.

    >>> is_filler("Guest Customer"), is_filler("微信用户"), is_filler("Anna Schmidt")
    (True, True, False)
    """
    return re.sub(r"[\W\d_]+", "", name.casefold()) in _NO_NAMES


@contextmanager
def one_width(connection: Any) -> Iterator[None]:
    """Give the connection, for as long as this lasts, the function that writes full-width characters as plain ones.

    It is Unicode's compatibility composition (NFKC), which DuckDB does not have itself.
    """
    import pyarrow.compute as pc

    connection.create_function(
        _ONE_WIDTH, lambda cells: pc.utf8_normalize(cells, form="NFKC"), ["VARCHAR"], "VARCHAR", type="arrow"
    )
    try:
        yield
    finally:
        connection.remove_function(_ONE_WIDTH)


@contextmanager
def as_view(connection: Any, relation: Any, name: str) -> Iterator[str]:
    """The SQL name of a relation: of a table by its name, else of an Arrow table, frame or relation for a while."""
    if isinstance(relation, str):
        yield identifier(relation)
        return
    import duckdb

    table = relation.to_arrow_table() if isinstance(relation, duckdb.DuckDBPyRelation) else relation
    connection.register(name, table)
    try:
        yield identifier(name)
    finally:
        connection.unregister(name)


def columns_of(connection: Any, view: str) -> set[str]:
    """The columns of a relation."""
    return {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {view}").fetchall()}


def plain(cell: str) -> str:
    """SQL of a cell in one width, in small letters, without blanks around it and invisible characters."""
    seen = f"translate(CAST({cell} AS VARCHAR), chr(8203) || chr(65279) || chr(8206), '')"
    return f"nullif(trim(replace(lower({_ONE_WIDTH}({seen})), 'ß', 'ss'), chr(32) || chr(9) || chr(10) || chr(13)), '')"


def birthday(cell: str) -> str:
    """SQL of a day of birth; days that stand for "not known" are none."""
    day = f"TRY_CAST(trim(CAST({cell} AS VARCHAR)) AS DATE)"
    return f"CASE WHEN {day} > DATE '1900-01-01' AND {day} <> DATE '1970-01-01' THEN {day} END"


def gender(cell: str) -> str:
    """SQL of a gender, ``f`` or ``m``; everything else is not known."""
    word = f"lower(trim(CAST({cell} AS VARCHAR)))"
    return (
        f"CASE WHEN {word} IN ('f', 'female', 'woman', 'w', '女', '女性', '女士') THEN 'f' "
        f"WHEN {word} IN ('m', 'male', 'man', '男', '男性', '先生') THEN 'm' END"
    )


def city(cell: str) -> str:
    """SQL of a city, without the word for city behind it."""
    return f"regexp_replace({plain(cell)}, '\\s*(市|city)$', '')"


def written_alike(view: str, present: Collection[str]) -> str:
    """SQL of the customers with everything written in one way; columns that are not ``present`` come out empty.

    ``customer_id, name, email, phone, address, birthday, gender, city, first_seen`` and what was there at all:
    ``has_name, has_email, has_phone, has_address, has_birthday``. ``name`` and ``address`` are empty where they are
    no full ones, ``birthday`` where it is not known; ``email`` and ``phone`` are cells, to be taken apart.
    """

    def read(column: str, sql: str, kind: str = "VARCHAR") -> str:
        return sql if column in present else f"NULL::{kind}"

    cells = ", ".join(f"{read(column, plain(column))} AS {column}" for column in ("name", "email", "phone", "address"))
    has = ", ".join(f"{column} IS NOT NULL AS has_{column}" for column in ("name", "email", "phone", "address"))
    born = read("birthday", "nullif(trim(CAST(birthday AS VARCHAR)), '')")
    return f"""
        WITH cells AS MATERIALIZED (
            SELECT CAST(customer_id AS VARCHAR) AS customer_id, {cells}, {born} AS born,
                {read("gender", "gender")} AS gender, {read("city", city("city"))} AS city,
                {read("first_seen_at", "TRY_CAST(first_seen_at AS TIMESTAMP)", "TIMESTAMP")} AS first_seen
            FROM {view} WHERE customer_id IS NOT NULL
        ),
        shorter AS MATERIALIZED (
            SELECT *, {_untitled("name")} AS short_name, {_short_address("address")} AS short_address FROM cells
        ),
        bare AS MATERIALIZED (
            SELECT *, regexp_replace(short_name, '[^\\p{{L}}\\p{{N}}]+', '', 'g') AS bare_name FROM shorter
        )
        SELECT customer_id, {has}, born IS NOT NULL AS has_birthday, {_full_name()} AS name, email, phone,
            {_full_address()} AS address, {birthday("born")} AS birthday, {gender("gender")} AS gender, city, first_seen
        FROM bare"""


def _untitled(name: str) -> str:
    """SQL of a name without title and legal form, the surname behind."""
    untitled = f"regexp_replace(regexp_replace({name}, '{_TITLES}', ''), '{_TITLES_BEHIND}', '')"
    return f"regexp_replace(regexp_replace({untitled}, '{_LEGAL_FORMS}', ''), '^([^,]+),\\s*([^,]+)$', '\\2 \\1')"


def _full_name() -> str:
    """SQL of a full name; NULL where it is not a full one.

    A full name has two characters of an East Asian script or two words of at least two letters: a surname with a
    title, initials, a masked name or a filler does not tell who somebody is.
    """
    fillers = ", ".join(map(literal, _NO_NAMES))
    words = r"\p{L}{2,}([^\p{L}].*)?[^\p{L}]\p{L}{2,}"
    return (
        f"CASE WHEN regexp_matches(short_name, '^[^*]*({_EAST_ASIAN}{{2,}}|{words})[^*]*$') "
        f"AND bare_name NOT IN ({fillers}) THEN bare_name END"
    )


def _short_address(address: str) -> str:
    """SQL of a postal address in short forms; numbers beside each other stay apart: ``1-2`` is not ``12``."""
    latin = _replaced(
        address,
        (r"\b(street|str\.|str\b)", "st"),
        (r"(strasse|str\.)", "str"),
        (r"\broad\b", "rd"),
        (r"\bavenue\b", "ave"),
        (r"\b(apartment|apt\.?|flat|unit|no\.)\s*", " "),
    )
    short = f"CASE WHEN regexp_matches({address}, '[a-z]{{2}}') THEN {latin} ELSE {address} END"
    apart = _replaced(
        short, (r"^(中国|china)|[省市区]|[号室]$", ""), (r"[^\p{L}\p{N}*]+", " "), (r"(\d) (\d)", r"\1-\2")
    )
    return f"replace({apart}, ' ', '')"


def _replaced(text: str, *forms: tuple[str, str]) -> str:
    """SQL of a text in which each form is replaced by another, one after the other."""
    for long, short in forms:
        text = f"regexp_replace({text}, '{long}', '{short}', 'g')"
    return text


def _full_address() -> str:
    """SQL of a postal address; NULL where it is masked, or has no number and so is only a place."""
    fits = "regexp_matches(short_address, '^[^*]*\\d[^*]*$') AND length(short_address) >= 6"
    return f"CASE WHEN {fits} THEN short_address END"


def emails(view: str, *, same_gmail: bool = False) -> str:
    """SQL of ``customer_id, key, set_apart``: e-mail addresses; ``set_apart`` says why an address is not one person's.

    Masked addresses have no key. ``same_gmail`` takes dots and ``+…`` out of Gmail's addresses, which Gmail ignores.
    """
    part = r"""[^\s<>"'',;:()@*]"""
    gmail = (
        "CASE WHEN regexp_matches(key, '@(gmail|googlemail)\\.com$') THEN "
        "replace(regexp_extract(key, '^[^@+]+'), '.', '') || '@gmail.com' ELSE key END"
    )
    roles = ", ".join(map(literal, _ROLES))
    return f"""
        WITH found AS MATERIALIZED (
            SELECT customer_id, regexp_extract(email, '{part}+@{part}+\\.[^\\s<>"'',;:()@*.]{{2,}}') AS key
            FROM {view} WHERE NOT contains(email, '*')
        )
        SELECT DISTINCT customer_id, {gmail if same_gmail else "key"} AS key,
            CASE WHEN regexp_extract(key, '^[^@+]+') IN ({roles}) THEN 'role' END AS set_apart
        FROM found WHERE key <> ''"""


def phones(view: str, *, calling_code: str) -> str:
    """SQL of ``customer_id, key, set_apart``: phone numbers as digits; several in one cell count each.

    Numbers of the country ``calling_code`` are written without it and without the zero before the area (Russia's 8,
    North America's 1); those of other countries keep their ``+``. Empty: every code is another country's. Masked,
    destroyed (``1.38E+10``), short and made-up numbers have no key.
    """
    code = str(int(calling_code)) if calling_code else ""
    china = code == "86"
    least = 10 if china else 8
    hotline = "CASE WHEN regexp_matches(key, '^[48]00\\d{7}$') THEN 'service_line' END" if china else "NULL::VARCHAR"
    # A number that lost its plus, or has the digit that is dialled before long-distance numbers.
    whole = {"86": "^861[3-9]\\d{9}$", "1": "^1[2-9]\\d{9}$", "7": "^[78]\\d{10}$", "": "^$"}
    pattern = whole.get(code, f"^{code}[1-9]\\d{{9,}}$")
    complete = f"WHEN regexp_matches(digits, '{pattern}') THEN substr(digits, {len(code) + 1})"
    own = f"WHEN abroad AND starts_with(ltrim(digits, '0'), '{code}') THEN " if code else "WHEN false THEN "
    return f"""
        WITH cells AS MATERIALIZED (
            SELECT customer_id, unnest(string_split(translate(phone, ';、|' || chr(10), ',,,,'), ',')) AS cell
            FROM {view} WHERE phone IS NOT NULL
        ),
        written AS MATERIALIZED (
            SELECT customer_id, regexp_replace(trim(cell), '\\.0+$', '') AS cell FROM cells
            WHERE NOT regexp_matches(cell, '[*•]|x{{2,}}|#{{2,}}|\\de[+]?\\d')
        ),
        parts AS MATERIALIZED (
            SELECT customer_id, regexp_matches(cell, '^[^\\d+]*([+]|00)') AS abroad,
                regexp_replace(replace(cell, '(0)', ''), '\\D', '', 'g') AS digits
            FROM written
        ),
        full_numbers AS MATERIALIZED (
            SELECT customer_id, CASE
                {own}ltrim(substr(ltrim(digits, '0'), {len(code) + 1}), '0')
                WHEN abroad THEN '+' || ltrim(digits, '0')
                {complete}
                ELSE ltrim(digits, '0') END AS key
            FROM parts
        )
        SELECT DISTINCT customer_id, key, {hotline} AS set_apart FROM full_numbers
        WHERE length(key) BETWEEN {least} AND 20 AND NOT {_made_up("ltrim(key, '+')")}"""


def _made_up(key: str) -> str:
    """SQL: the digits are all one, run up or down, end in eight zeros, or are the number that fills in for any."""
    return (
        f"(replace({key}, left({key}, 1), '') = '' OR contains('012345678901234567890', {key}) "
        f"OR contains('98765432109876543210', {key}) OR contains({key}, '00000000') "
        f"OR {key} IN ('13800138000', '13800138001', '13912345678', '13812345678', '13512345678', '13612345678'))"
    )


def keys(rule: str, view: str, *, calling_code: str, same_gmail: bool) -> str:
    """SQL of ``customer_id, key, set_apart`` of a rule over customers as :func:`written_alike` writes them.

    Customers with one key agree in what the rule compares; ``set_apart`` says why a key is not one person's.
    """
    if rule == "same_email":
        return emails(view, same_gmail=same_gmail)
    if rule == "same_phone":
        return phones(view, calling_code=calling_code)
    other = NEEDS[rule][1]
    return f"""
        SELECT DISTINCT customer_id, name || chr(31) || CAST({other} AS VARCHAR) AS key, NULL::VARCHAR AS set_apart
        FROM {view} WHERE name IS NOT NULL AND {other} IS NOT NULL"""
