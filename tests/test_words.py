"""Every word that anybody reads is there in both languages, with the same places."""

import ast
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from crmlib.words import LANGUAGES, Saying, Words, _plain, all_words, gain, money, place, short, use
from crmlib.words.forms import FORMS

ROOMS = list(all_words())
CODE = re.compile(
    r"\{[^}]*\}|`[^`]*`|'[^']*'|\"[^\"]*\"|[\w./*-]+\.(?:yaml|csv|json|html|xlsx)|--\w+|\b[a-z]+(?:_[a-z]+)+\b"
    r"|\bcrmlib(?: \w+)*"
)
LATIN = {"MRR", 
    "NPS", "CLV", "CAC", "RFM", "LTV", "KPI", "ID", "BG", "MBG", "NBD", "Pareto", "BB", "sBG", "BdW", "BG/NBD", "ABC",
    "CSV", "YAML", "JSON", "Excel", "UTC", "UTF", "XLSX", "Parquet", "SQL", "SQLite", "DuckDB", "PostgreSQL", "MySQL",
    "Kaplan", "Meier", "Wilson", "Wald", "Gini", "Shewhart", "XmR", "Holm", "Johnson", "p", "n", "R", "F", "M", "IANA",
    "ISO", "BIC", "A", "B", "C", "S", "zip", "gzip", "ZIP", "GZIP", "Zoho", "CRM", "Unicode", "GB", "ASCII", "HTML",
    "PDF", "RTF", "XML", "PNG", "JPEG", "kB", "MHTML", "SYLK", "Office", "Numbers", "Zip", "bzip", "xz", "zstd", "RAR",
    "Java", "Spark", "AUC", "Brier",
}  # fmt: skip
"""Latin words that stand in Chinese sentences as they are; code and file names stand between backquotes or quotes."""


def pairs(tree: Any, at: str = "") -> Iterator[tuple[str, Mapping[str, str]]]:
    if not isinstance(tree, Mapping):
        return
    if set(tree) & set(LANGUAGES):
        yield at, tree
        return
    for key, value in tree.items():
        yield from pairs(value, f"{at}.{key}" if at else str(key))


def places(template: str) -> list[tuple[str, str]]:
    return [(name, spec or "") for _, name, spec, _ in string.Formatter().parse(template) if name is not None]


ROLES = {
    "title", "reading", "description", "sentence", "certainty", "action", "found", "expected", "remedy", "place",
    "nothing", "nudge", "idea", "recipe",
}  # fmt: skip


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_both_languages_are_complete_and_have_equal_places(room):
    for key, pair in pairs(room.tree):
        assert set(pair) <= {*LANGUAGES, "unit"}, key
        english, chinese = pair.get("en", ""), pair.get("zh", "")
        assert english.strip(), f"{key} has no English"
        assert chinese.strip(), f"{key} has no Chinese"
        assert {n for n, _ in places(english)} == {n for n, _ in places(chinese)}, key


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_words_are_the_same_to_a_reader_written_in_python(room):
    """Machines without the C library for YAML read with a stricter one."""
    read = yaml.load(room.path.read_text(encoding="utf-8"), Loader=_plain(yaml.SafeLoader))
    assert read == room.tree


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_every_place_has_a_kind_that_the_kit_knows(room):
    for key, pair in pairs(room.tree):
        for name, spec in [*places(pair["en"]), *places(pair["zh"])]:
            kind = spec.split("|")[0].partition(".")[0]
            assert kind in {*FORMS, "count", "plural", "name"}, f"{key}: {{{name}:{spec}}}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_chinese_holds_no_latin_word_beyond_the_list_and_no_half_width_stop(room):
    for key, pair in pairs(room.tree):
        bare = CODE.sub(" ", pair["zh"])
        strange = [word for word in re.findall(r"[A-Za-z]+(?:/[A-Za-z]+)*", bare) if not set(word.split("/")) <= LATIN]
        assert not strange, f"{key}: {strange}"
        assert not re.search(r"[一-鿿][,;:?!]|[一-鿿]\.(?!\d)", bare), f"{key}: {pair['zh']}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_a_count_in_english_names_one_and_many(room):
    for key, pair in pairs(room.tree):
        for name, spec in places(pair["en"]):
            kind, *nouns = spec.split("|")
            if kind in ("count", "plural") and nouns:
                assert len(nouns) == 2, f"{key}: {{{name}:{spec}}}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.room)
def test_no_key_is_unused(room):
    """A key is used if the code of its room, or of those who ask it, names the key or its last parts."""
    code = _constants(Path(room.path).parent, everywhere=room.room == "words")
    open_sections = ("names", "glossary", "columns")
    for key, _ in pairs(room.tree):
        section, *parts = key.split(".")
        if section in open_sections or key in ("title", "question"):
            continue
        named = [part for part in parts if part not in ROLES]
        assert key in code or all(part in code for part in named), f"{key} is never said"


def _constants(folder: Path, *, everywhere: bool) -> set[str]:
    package = Path(folder) if not everywhere else next(p for p in folder.parents if p.name == "crmlib")
    found: set[str] = set()
    for file in [*package.rglob("*.py"), *package.rglob("*.j2")]:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".j2":
            found |= set(re.findall(r"[\w.]+", text))
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value, *node.value.split(".")}
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
            elif isinstance(node, ast.FunctionDef):
                found.add(node.name)
    return found


def test_a_sentence_knows_one_and_many():
    words = Words(Path(__file__).parent.parent / "crmlib" / "words" / "x")
    assert [words.say("units.customers", n=n) for n in (0, 1, 2)] == ["0 customers", "1 customer", "2 customers"]


def test_words_said_later_are_said_in_the_language_of_then():
    saying = Saying("words", "units.customers", {"n": 12000})
    assert str(saying) == "12,000 customers"
    use("zh", "CNY")
    assert str(Saying.from_dict(saying.as_dict())) == "12,000位客户"


def test_a_place_without_a_value_is_named():
    with pytest.raises(KeyError, match="place 'n'"):
        Words(Path(__file__).parent.parent / "crmlib" / "words" / "x").say("units.customers")


@pytest.mark.parametrize(
    ("currency", "said"),
    [("CNY", ("¥1,234", "−\u2060¥0.50", "¥12.3k", "+¥1,234")), ("JPY", ("¥1,234", "−\u2060¥1", "¥12.3k", "+¥1,234")),
     ("HKD", ("HK$1,234", "−\u2060HK$0.50", "HK$12.3k", "+HK$1,234")),
     ("EUR", ("€1,234", "−\u2060€0.50", "€12.3k", "+€1,234"))],
)  # fmt: skip
def test_a_clients_own_money_has_one_sign_in_every_form(currency, said):
    use("en", currency)
    assert (money(1234), money(-0.5000001, digits=2), short(12_345), gain(1234)) == said
    assert {place(1234.0, kind).lstrip("+") for kind in ("money", "short", "gain")} == {said[0]}


def test_another_currency_than_the_clients_is_told_from_it():
    use("en", "JPY")
    assert (money(5), money(5, currency="CNY")) == ("¥5", "CN¥5")
    use("en", "CNY", several=True)
    assert (money(5), short(5e6), gain(-5e6)) == ("CN¥5", "CN¥5.00m", "−\u2060CN¥5.00m")


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "0元"), (9_999, "9,999元"), (12_345, "1.23万元"), (432_560, "43.3万元"), (4_325_000, "432.5万元"),
     (99_994_000, "9,999.4万元"), (99_999_999, "1.00亿元"), (123_456_789, "1.23亿元"), (-50_000, "−\u20605.00万元")],
)  # fmt: skip
def test_chinese_counts_money_in_ten_thousands(amount, said):
    use("zh", "CNY")
    assert money(amount) == said
