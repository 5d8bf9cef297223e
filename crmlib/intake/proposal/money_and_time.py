"""The client's currency and time zone, as far as the exports show them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmlib.intake.proposal.content import values_of, vocabulary
from crmlib.intake.proposal.exports import Export
from crmlib.intake.proposal.headings import names_of, plain
from crmlib.intake.source import Source
from crmlib.words import Words

_say = Words(__file__).say

CHINESE = ("CNY", "Asia/Shanghai")
_NEARLY_ALL = 0.99
_FEW = 20
_CODE = 3


@dataclass(frozen=True)
class Setting:
    """A value for the whole client: what is proposed, why, and whether it has to be filled in or looked at."""

    value: str
    reason: str
    check: bool = True


def currency_of(connection: Any, exports: Sequence[Export]) -> Setting | None:
    """The currency that the exports are in: from columns of currencies, signs, the language, or the country."""
    known: dict[str, str] = vocabulary()["currencies"]
    for export in exports:
        for heading in export.headings:
            if plain(heading) in names_of("orders").sure["currency"]:
                values = values_of(connection, export.source, heading, most=20) or []
                code = _code_of(values[0][0]) if values else ""
                if code:
                    said = {"heading": heading, "file": export.shown, "n": len(values) - 1}
                    reason = _say("settings.beside_others" if len(values) > 1 else "settings.heading", said)
                    return Setting(code, reason, check=not _nearly_all(values))
    for export in exports:
        for heading, looks in export.looks.items():
            if looks.filled and looks.distinct <= _FEW and looks.longest == _CODE:
                values = values_of(connection, export.source, heading, most=_FEW) or []
                told = known.get(values[0][0].upper()) if values and _nearly_all(values) else None
                if told:
                    return Setting(
                        told, _say("settings.nearly_all", heading=heading, file=export.shown, value=values[0][0])
                    )
    for export in exports:
        for heading, looks in export.looks.items():
            sign = _sign_in_heading(heading) or (looks.share("with_currency") > 0.5 and looks.share("numbers") > 0.5
                                                 and _sign_in_values(connection, export.source, heading))  # fmt: skip
            if sign and sign in known:
                return Setting(known[sign], _say("settings.sign", sign=sign, heading=heading, file=export.shown))
    if any(map(_chinese, exports)):
        return Setting(CHINESE[0], _say("settings.chinese"))
    country = _country(connection, exports)
    if country:
        from babel.numbers import get_territory_currencies

        codes = get_territory_currencies(country[0])
        if codes:
            return Setting(codes[-1], country[1])
    return None


def _nearly_all(values: Sequence[tuple[str, int]]) -> bool:
    return values[0][1] >= _NEARLY_ALL * sum(count for _, count in values)


def _code_of(value: str) -> str:
    """The currency that a value means, in whatever case it is written; empty where it means none."""
    known: dict[str, str] = vocabulary()["currencies"]
    code = known.get(value) or known.get(value.upper()) or value.upper()
    return code if _is_currency(code) else ""


def zone_of(connection: Any, exports: Sequence[Export]) -> Setting | None:
    """The time zone of the exports, from their language or the country, where that has a single one."""
    if any(map(_chinese, exports)):
        return Setting(CHINESE[1], _say("settings.chinese"))
    country = _country(connection, exports)
    if country:
        from babel.core import get_global

        zones = [zone for zone, territory in get_global("zone_territories").items() if territory == country[0]]
        if len(zones) == 1:
            return Setting(zones[0], country[1])
    return None


def _is_currency(code: str) -> bool:
    from babel.numbers import is_currency

    return bool(is_currency(code))


def _sign_in_heading(heading: str) -> str:
    import re
    import unicodedata

    inside = re.search(r"[(\[]\s*([^)\]]{1,4})\s*[)\]]", unicodedata.normalize("NFKC", heading))
    return inside.group(1).strip() if inside else ""


def _sign_in_values(connection: Any, source: Source, heading: str) -> str:
    cell = f"CAST({source.names[heading]} AS VARCHAR)"
    found = connection.execute(
        f"SELECT regexp_extract({cell}, 'US\\$|HK\\$|RMB|CNY|USD|EUR|GBP|[$€£¥￥₹元]') AS sign FROM ({source.sql}) "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    ).fetchone()
    return str(found[0]) if found and found[0] else ""


def _chinese(export: Export) -> bool:
    if any("㐀" <= sign <= "鿿" for heading in export.headings for sign in heading):
        return True
    texts = [one for one in export.looks.values() if one.filled and one.share("numbers", "dates") < 0.5]
    return bool(texts) and sum(one.share("with_cjk") > 0.5 for one in texts) >= 0.3 * len(texts)


def _country(connection: Any, exports: Sequence[Export]) -> tuple[str, str] | None:
    """The country of at least four in five rows, and where that was seen."""
    for export in exports:
        for heading in export.headings:
            if plain(heading).split()[-1:] in (["country"], ["国家"]) or plain(heading).endswith("country code"):
                values = values_of(connection, export.source, heading, most=300) or []
                whole = sum(count for _, count in values)
                if values and values[0][1] >= 0.8 * whole and (code := _territories().get(values[0][0].casefold())):
                    share = values[0][1] / whole
                    return code, _say(
                        "settings.country", heading=heading, file=export.shown, value=values[0][0], share=share
                    )
    return None


@functools.cache
def _territories() -> dict[str, str]:
    from babel import Locale

    names = {"uk": "GB", "usa": "US", "england": "GB"}
    for language in ("zh", "en"):
        for code, name in Locale(language).territories.items():
            if len(code) == 2:
                names[name.casefold()] = code
                names.setdefault(code.casefold(), code)
    return names
