"""The proposed client.yaml as text: settings, tables, and beside everything the reason."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from crmlib.contract import TABLES
from crmlib.intake.proposal.money_and_time import Setting
from crmlib.intake.proposal.suggestion import Line, Suggested
from crmlib.mapping import FILL_IN
from crmlib.settings import flow
from crmlib.words import Words, voice

_say = Words(__file__).say

_WIDTH = 118


def yaml_text(
    *,
    name: str,
    currency: Setting | None,
    zone: Setting | None,
    language: str,
    suggested: Sequence[Suggested],
    unknown: Sequence[tuple[str, Sequence[str]]],
    decisions: Sequence[str],
    path: str,
) -> str:
    """The client.yaml.

    ``unknown`` are files that are no known table, with the headings that can be shown; ``decisions`` are written at the
    top, ``path`` is the file's own path for the commands named there.
    """
    lines = [f"# {_say(f'file.{key}', path=path)}" for key in ("proposed", "to_check", "to_run", "percentages")]
    if decisions:
        lines += ["#", f"# {_say('file.to_decide')}"] + [
            line for n, said in enumerate(decisions, 1) for line in _wrapped(said, f"#   {n}. ", "#      ")
        ]
    lines += ["", f"name: {flow(name)}", f"language: {language}"]
    lines.append(_setting("currency", currency))
    lines.append(_setting("timezone", zone))
    lines += [
        "",
        "tables:" if any(not one.off for one in suggested) else f"tables: {FILL_IN}   # {_say('file.no_table')}",
    ]
    for table in TABLES:
        found = [one for one in suggested if one.table == table]
        if found:
            lines += ["", *_table(table, found)]
    for shown, headings in unknown:
        said = _say("file.unknown" if headings else "file.unknown_hidden", file=shown, headings=list(headings))
        lines += ["", f"  # {_one_line(said)}"]
    return "\n".join(lines) + "\n"


def _setting(key: str, setting: Setting | None) -> str:
    if setting is None:
        return f"{key}: {FILL_IN}   # {_say(f'file.{key}')}"
    said = _say("file.check", why=setting.reason) if setting.check else setting.reason
    return f"{key}: {setting.value}" + (f"   # {_one_line(said)}" if said else "")


def _table(table: str, found: Sequence[Suggested]) -> list[str]:
    active = [one for one in found if not one.off]
    lines = [f"  {'' if active else '# '}{table}:"]
    for one in [*active, *(one for one in found if one.off)]:
        lines += _source(one, listed=len(active) > 1)
    return lines


def _source(one: Suggested, *, listed: bool) -> list[str]:
    """One source; several stand in a list, commented-out ones keep the form that they would have."""
    body = [f"from: {flow(one.export.paths[0])}" + _comment(_rows(one))]
    body += [f"sheet: {flow(one.export.sheet)}"] if one.export.sheet else []
    body += [f"profile: {one.profile}"] if one.profile else []
    if one.headings:
        body += ["headings:", *(f"  - {flow(line.key)}{_comment(line.reason)}" for line in one.headings)]
    if one.columns:
        body.append("columns:")
        body += [f"  {_line(line)}" for line in one.columns]
    if one.values:
        used = any(not line.off for lines in one.values.values() for line in lines)
        body.append("values:" if used else "# values:")
        for column, lines in one.values.items():
            live = any(not line.off for line in lines)
            body.append(f"  {'' if live else '# '}{column}:")
            body += [f"    {_line(line)}" for line in lines]
    body += [_line(line) for line in one.settings]
    body += _wrapped(_say("file.not_used", headings=one.unused), "# ", "#   ") if one.unused else []
    made = [line for why in one.why for line in _wrapped(why, "    # ", "    #   ")]
    first, rest = ("    - ", "      ") if listed or len(one.export.paths) > 1 else ("    ", "    ")
    for path in one.export.paths:
        body[0] = f"from: {flow(path)}" + _comment(_rows(one))
        made += [(first if n == 0 else rest) + text for n, text in enumerate(body)]
    return [_off(text) for text in made] if one.off else made


def _rows(one: Suggested) -> str:
    return _say("rows.in_files" if one.export.files > 1 else "rows.alone", n=one.export.rows, files=one.export.files)


def _line(line: Line) -> str:
    said = f"{flow(line.key)}: {flow(line.value)}{_comment(line.reason)}"
    return f"# {said}" if line.off else said


def _off(text: str) -> str:
    inner = text.strip()
    return text if inner.startswith("#") else f"  # {text[2:]}"


def _comment(reason: str) -> str:
    return f"   # {_one_line(reason)}" if reason else ""


class _Wrapper(textwrap.TextWrapper):
    """Chinese has no spaces: a line may end behind every sign."""

    wordsep_simple_re = re.compile(r"(\s+|[^\x00-\u2fff])")


def _wrapped(text: str, first: str, further: str) -> list[str]:
    width = _WIDTH // (2 if voice().language == "zh" else 1)
    return _Wrapper(width, first, further, break_long_words=False, break_on_hyphens=False).wrap(_one_line(text))


def _one_line(text: str) -> str:
    """A text in one line, without characters that YAML does not allow in a comment either."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
