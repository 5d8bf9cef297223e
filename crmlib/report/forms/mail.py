"""``summary.md``: the briefing as a text for a mail. Nothing that a client calls a thing becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crmlib.files import write_whole
from crmlib.report.page import noted
from crmlib.report.page import words as page_words
from crmlib.words import Words, short

words = Words(__file__)

_SHAPES = {"up": "▲", "down": "▼", "flat": "●"}  # as in the style of the page


def write_mail(target: Path, content: Mapping[str, Any]) -> None:
    """Write what a page says (``content``, from :func:`crmlib.report.briefing.content_of`) as Markdown."""
    write_whole(target, "\n\n".join(_blocks(content)) + "\n")


def _blocks(content: Mapping[str, Any]) -> Iterator[str]:
    told = content["story"]
    yield f"# {plain(told.headline)}"
    yield plain(words.say("mail.title", client=content["client"], as_of=content["as_of"]))
    yield plain(told.lead)
    if told.caveat:
        yield f"**{plain(page_words.say('report.with_care'))}** {plain(told.caveat)}"
    if content["tiles"]:
        yield f"## {words.say('mail.numbers')}"
        yield "\n".join(
            f"- {_SHAPES[tile['shape']]} {plain(words.say('mail.tile', tile, note=noted(tile)))}"
            for tile in content["tiles"]
        )
    if content["decisions"]:
        yield f"## {page_words.say('report.decisions', n=len(content['decisions']))}"
        yield "\n".join(f"{one.number}. {_decision(one, content)}" for one in content["decisions"])
        if len(content["decisions"]) > 1:
            yield plain(page_words.say("report.decisions_how"))
    else:
        yield f"## {page_words.say('report.no_decisions')}"


def _decision(one: Any, content: Mapping[str, Any]) -> str:
    found = one.finding
    amount = words.say("mail.no_money") if found.money is None else f"{short(found.money)} {found.money_kind}"
    who = words.say("mail.who", owner=content["owner"](found.owner), due=words.name("due", found.when), amount=amount)
    told = "" if one.is_headline else plain(found.evidence)
    listed = "" if one.listed is None else _listed(one.listed)
    # Two blanks at the end of a line begin a new one.
    parts = (f"**{plain(found.headline)}**", told, plain(words.say("mail.do", action=found.action)), plain(who), listed)
    return "  \n   ".join(part for part in parts if part)


def _listed(one: Any) -> str:
    """Where the customers of a decision stand, beside the mail's own file, and what is to be known of them."""
    link = f"[{page_words.say('report.list', n=one.customers)}]({one.file})"
    return words.say("mail.listed", link=link, notes=[plain(note) for note in one.notes]) if one.notes else link


def plain(text: str) -> str:
    """A text in one line in which Markdown finds nothing: no emphasis, link, address, list, heading or HTML.

    >>> print(plain("*Best* [shop](http://x.example) <b> 1. a@b.example"))
    \\*Best\\* \\[shop\\](http\\://x.example) \\<b\\> 1. a\\@b.example
    >>> print(plain("1. not a list"), plain("# no heading"), plain("- no bullet"))
    1\\. not a list \\# no heading \\- no bullet
    """
    line = re.sub(r"([\\`*_\[\]<>|~&@])", r"\\\1", " ".join(text.split()))
    line = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp):", r"\1\\:", line)
    line = re.sub(r"(?i)\bwww\.", lambda found: found[0][:3] + r"\.", line)
    return re.sub(
        r"^([#+=-])|^(\d+)([.)])", lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line
    )
