"""Which encoding a text file is in, decided by a ladder that states its decision; no statistics over languages.

The rungs: the ``encoding:`` that is set; a byte order mark; UTF-16 without one where its NUL bytes are unmistakable;
strict UTF-8; then GB18030 or cp1252. These two can both "read" almost any bytes, so they are told apart by what only
one of them can mean, word by word (:func:`votes`). Files in which lines of two encodings were put together are read
line by line; words of CP850 (DOS) among Windows-1252 by the letters that stand where that has signs.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from crmlib.intake.readers.content import BYTE_ORDER_MARKS, HEAD, utf16_without_mark
from crmlib.problems import Problem
from crmlib.words import Saying, Words

words = Words(__file__)
_BLOCK = 1 << 20
_LONGEST = 1 << 24
_SAMPLE = 5_000
_SHOWN = {
    "utf-8": "UTF-8", "gb18030": "GB18030", "cp1252": "Windows-1252", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "cp850": "CP850 (DOS)", "by word": "Windows-1252 / CP850",
}  # fmt: skip
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_WIDE = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
_NARROW = re.compile(rb"[\xc2-\xdf][\x80-\xbf]")
_FOUR = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")
_HIGH = re.compile(rb"[\x80-\xff]+")
_DOS = re.compile(rb"[A-Za-z][\x81-\x84\x86-\x8b\x8d\x93\x94](?=[A-Za-z])|[a-z][\x81\x82\x87\x8a](?![A-Za-z\x80-\xff])")
"""Letters of CP850, the encoding of DOS and of its consoles, where Windows-1252 has signs that stand in no word."""
_LETTER = re.compile(rb"[\x80\xc0-\xff]")
"""Of Windows-1252: its accented letters, and the sign of the euro."""
_WESTERN = set("àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœšžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽ’")
_SIGNS_OF_MONEY = {b"", b"\x80", b"\xa3", b"\xa5"}  # €, £ and ¥ of Windows-1252


@dataclass(frozen=True)
class Text:
    """A text file in UTF-8 (the file itself, or a copy in the scratch folder) and what was found out about it."""

    path: Path
    notes: tuple[Saying, ...] = ()


def as_utf8(file: Path, *, shown_as: str, encoding: str | None, scratch: Path) -> Text | Problem:
    """The file as UTF-8: the file itself where it is that already, else a copy in ``scratch``.

    Memory stays constant. A character that is cut in half within one line becomes ``\N{REPLACEMENT CHARACTER}`` and
    is counted in a note; a file that contradicts its set encoding or its byte order mark is a Problem.
    """
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    if encoding is not None:
        codec = _known(encoding)
        if codec is None:
            return Problem.said(words, "unknown_encoding", shown_as, "encoding", name=encoding)
        wide = re.match("utf-(16|32)", codec)
        if wide and b"\0" not in head:
            # Headings are parted by a comma or a line end, and in these encodings every such sign has a NUL byte.
            return Problem.said(words, "not_as_set", shown_as, row=1, codec=_SHOWN.get(codec, codec))
        if wide and codec == wide.group() and not any(head.startswith(mark) for mark, _ in BYTE_ORDER_MARKS):
            codec = utf16_without_mark(head) or f"{codec}-le"
        return _whole(file, shown_as, codec, scratch, words.later("notes.encoding.set", name=encoding))
    for mark, codec in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            if codec == "utf-8" and _first_not_utf8(file) is not None:
                break
            said = words.later("notes.encoding.marked", codec=_SHOWN[codec])
            return _whole(file, shown_as, codec, scratch, said)
    if unmarked := utf16_without_mark(head):
        return _whole(file, shown_as, unmarked, scratch, words.later("notes.encoding.unmarked"))
    if _first_not_utf8(file) is None:
        return Text(file, (words.later("notes.encoding.found", codec="UTF-8"),))
    return _by_line(file, shown_as, scratch)


def _known(encoding: str) -> str | None:
    try:
        name = codecs.lookup(encoding.strip()).name
        "".encode(name)
    except (LookupError, ValueError):
        return None
    if name in ("idna", "punycode"):  # of the names of sites, not of text
        return None
    return {"gb2312": "gb18030", "gbk": "gb18030", "utf-8-sig": "utf-8"}.get(name, name)


def _first_not_utf8(file: Path) -> int | None:
    """The line in which the file stops being UTF-8, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, pending = 1, False
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            if pending or not block.isascii():
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    return lines + block[: error.start].count(b"\n")
                pending = bool(decoder.getstate()[0])
            lines += block.count(b"\n")
    return lines if pending else None


def _whole(file: Path, shown_as: str, codec: str, scratch: Path, said: Saying) -> Text | Problem:
    """The whole file in one encoding; no copy is made of UTF-8."""
    if codec == "utf-8" and _first_not_utf8(file) is None:
        return Text(file, (said,))
    target = scratch / "text"
    lines, written = 1, False
    decoder = codecs.getincrementaldecoder(codec)()
    with file.open("rb") as stream, target.open("wb") as copy:
        try:
            while block := stream.read(_BLOCK):
                text = decoder.decode(block)
                text = text if written else text.lstrip("\ufeff")
                written = written or bool(text)
                lines += text.count("\n")
                copy.write(text.encode("utf-8"))
            decoder.decode(b"", True)
        except UnicodeError:
            key = "not_as_set" if said.key == "notes.encoding.set" else "not_as_marked"
            return Problem.said(words, key, shown_as, row=lines, codec=_SHOWN.get(codec, codec))
    return Text(target, (said,))


# Lines that are not UTF-8


@dataclass
class Lines:
    """What the lines with other than ASCII characters are: how many of each kind, and the first."""

    count: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, line: int) -> None:
        self.count[kind] = self.count.get(kind, 0) + 1
        self.first.setdefault(kind, line)


@dataclass(frozen=True)
class Verdict:
    """GB18030 or cp1252, whether that is certain, and whether some words speak for the other.

    ``by_chance``: lines that are valid UTF-8 may be so by chance only.
    """

    codec: str
    certain: bool
    divided: bool
    by_chance: bool = False


def votes(line: bytes) -> tuple[float, float]:
    """How many words of a line speak for cp1252 and how many for GB18030.

    Chinese is written in pairs of high bytes, most of which fall into the 3,755 commonest characters (GB 2312 level
    1, first byte B0 to D7); a word of two or more such characters counts one, a single one on its own a half and one
    beside a Latin letter a quarter (``T恤``). A Western word has ASCII letters, single accented letters (at most two
    together) of the usual ones, and is written small, Capitalised or in CAPITALS; as Chinese it would be a rare
    character (first byte 81 to A0 or E0 to FE) in the midst of letters. It counts one.

    >>> votes("Müller,café".encode("cp1252")), votes("订单编号,男".encode("gb18030"))
    ((2.0, 0.0), (0.0, 1.5))
    """
    # Four bytes that alternate with digits are one rare character of GB18030 and nothing that is written in the West.
    line, rare = _FOUR.subn(b"\xb0\xa1", line)
    western, chinese = 0.0, float(rare)
    for word in _WORD.findall(line):
        western += _western(word)
        chinese += _chinese(word)
    return western, chinese


def _western(word: bytes) -> float:
    runs = _HIGH.findall(word)
    if _of_dos(word):
        return 1.0
    try:
        text = word.decode("cp1252")
    except UnicodeDecodeError:
        return 0.0
    if max(map(len, runs)) == 1 and len(word) == 1:
        # A single high byte between signs, such as £ before a digit, cannot be half of a Chinese character.
        return 1.0
    if word.strip(b"\xa0") in _SIGNS_OF_MONEY:
        # A blank that does not break, and € beside it: as Chinese they are one rare character among digits.
        return 1.0
    accented = [c for c in text if not c.isascii()]
    letters = text.replace("’", "")
    as_written = letters.islower() or letters.isupper() or (letters[:1].isupper() and letters[1:].islower())
    usual = max(map(len, runs)) <= 2 and all(c in _WESTERN for c in accented) and len(accented) < len(text)
    return 1.0 if usual and as_written else 0.0


def _of_dos(word: bytes) -> bool:
    """Whether a word is written in CP850: its letters stand where Windows-1252 has signs, and it is no word there.

    >>> _of_dos("trŠs".encode("cp1252")), _of_dos("très".encode("cp850")), _of_dos("l’été".encode("cp1252"))
    (True, True, False)
    """
    if not _DOS.search(word):
        return False
    letters = word.decode("cp850")
    written = letters.islower() or letters.isupper() or letters.istitle()
    return letters.isalpha() and written and all(c.isascii() or c in _WESTERN for c in letters)


def _chinese(word: bytes) -> float:
    try:
        text = word.decode("gb18030")
    except UnicodeDecodeError:
        return 0.0
    wide = [c.encode("gb18030") for c in text if not c.isascii()]
    common = sum(len(c) == 2 and 0xB0 <= c[0] <= 0xD7 and c[1] >= 0xA1 for c in wide)
    signs = sum(len(c) == 2 and 0xA1 <= c[0] <= 0xA3 and c[1] >= 0xA1 for c in wide)
    if len(wide) == 1:
        if not common or (text[0].isascii() and text[-1].isascii()):
            return 0.0
        return 0.5 if len(text) == 1 else 0.25
    together = re.search(r"[^\x00-\x7f]{2}", text) is not None
    return 1.0 if together and common and common + signs >= len(wide) / 2 else 0.0


def told_apart(lines: Iterable[bytes]) -> Verdict | None:
    """Whether lines that are not UTF-8 are GB18030 or cp1252; None if they can be neither.

    Certain: at least four fifths of the words that tell anything say the same. Where no word does, GB18030 is taken
    if it can read every line, else cp1252 if that can.
    """
    western = chinese = 0.0
    readable = {"gb18030": True, "cp1252": True}
    for line in lines:
        w, c = votes(line)
        western, chinese = western + w, chinese + c
        for codec, good in readable.items():
            readable[codec] = good and _reads(line, codec)
    if western + chinese == 0:
        first = next((codec for codec, good in readable.items() if good), None)
        return Verdict(first, False, False) if first else None
    codec, most = ("gb18030", chinese) if chinese >= western else ("cp1252", western)
    return Verdict(codec, most >= 0.8 * (western + chinese), min(western, chinese) > 0)


def _reads(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _split(file: Path) -> Iterator[bytes]:
    """The lines of a file, whichever line ending it has; a longer one than 16 MB comes in pieces."""
    with file.open("rb") as stream:
        while line := stream.readline(_LONGEST):
            if b"\r" in line[:-2]:
                yield from line.splitlines(keepends=True)
            else:
                yield line


def _kind(line: bytes) -> str:
    """What a line is by itself: ascii, utf-8, damaged (UTF-8 with a character cut in half), unsure or other.

    Unsure: valid UTF-8, but only of two-byte characters outside Latin-1, which pairs of Chinese bytes also give.
    """
    if line.isascii():
        return "ascii"
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        wide, narrow = len(_WIDE.findall(line)), len(_NARROW.findall(line))
        if not wide and narrow < 8:
            return "other"
        cut = line.decode("utf-8", "replace").count("\ufffd")
        return "damaged" if wide >= 3 * cut or narrow >= 8 * cut else "other"
    return "unsure" if all(c.isascii() or "\xff" < c <= "\u07ff" for c in text) else "utf-8"


def _by_line(file: Path, shown_as: str, scratch: Path) -> Text | Problem:
    verdict = _survey(file)
    if verdict is None:
        return Problem.said(words, "no_encoding", shown_as, row=_first_not_utf8(file))
    found_lines, target = Lines(), scratch / "text"
    with target.open("wb") as copy:
        for number, line in enumerate(_split(file), 1):
            kind = _kind(line)
            if kind == "ascii":
                copy.write(line)
                continue
            codec, text = _decoded(line, kind, verdict)
            if number == 1:
                text = text.lstrip("\ufeff")
            found_lines.add(codec, number)
            if "\ufffd" in text:
                found_lines.add("\ufffd", number)
            copy.write(text.encode("utf-8"))
    return Text(target, _notes(found_lines, verdict))


def _survey(file: Path) -> Verdict | None:
    """What the lines that are not UTF-8 are, judged by the first 5,000 of them.

    Lines that are unsure are Chinese only where they are few beside them: chance makes few valid UTF-8.
    """
    unsure = others = 0

    def not_utf8() -> Iterator[bytes]:
        nonlocal unsure, others
        for line in _split(file):
            kind = _kind(line)
            unsure += kind == "unsure"
            if kind == "other":
                others += 1
                yield line
                if others == _SAMPLE:
                    return

    verdict = told_apart(not_utf8())
    return verdict and replace(verdict, by_chance=2 * unsure < others)


def _decoded(line: bytes, kind: str, verdict: Verdict) -> tuple[str, str]:
    """The codec of one line and its text."""
    codec = verdict.codec
    if codec == "cp1252" and kind == "other" and any(map(_of_dos, _WORD.findall(line))):
        return _by_word(line)
    if kind in ("utf-8", "damaged"):
        return "utf-8", line.decode("utf-8", "replace")
    if kind == "other" and not verdict.divided:
        with contextlib.suppress(UnicodeDecodeError):
            return codec, line.decode(codec)
    western, chinese = votes(line)
    if kind == "unsure":
        by_chance = codec == "gb18030" and verdict.by_chance and chinese
        return (codec, line.decode(codec)) if by_chance else ("utf-8", line.decode("utf-8"))
    own, against = (western, chinese) if codec == "cp1252" else (chinese, western)
    other = "cp1252" if codec == "gb18030" else "gb18030"
    if own == 0 and against >= 0.5 and _reads(line, other) and (against >= 1 or not _reads(line, codec)):
        return other, line.decode(other)
    return codec, line.decode(codec, "replace")


def _by_word(line: bytes) -> tuple[str, str]:
    """A line with words of CP850: the whole line is that, unless other words are Windows-1252."""
    words_found = _WORD.findall(line)
    if not any(_western(word) and _LETTER.search(word) for word in words_found if not _of_dos(word)):
        return "cp850", line.decode("cp850")
    text, last = "", 0
    for found in _WORD.finditer(line):
        text += line[last : found.start()].decode("cp1252", "replace")
        text += found.group().decode("cp850" if _of_dos(found.group()) else "cp1252", "replace")
        last = found.end()
    return "by word", text + line[last:].decode("cp1252", "replace")


def _notes(lines: Lines, verdict: Verdict) -> tuple[Saying, ...]:
    def said(key: str, kind: str, **more: str) -> Saying:
        counted = {"n": lines.count.get(kind), "first": lines.first.get(kind), **more}
        return words.later(f"notes.encoding.{key}", codec=_SHOWN.get(kind), **counted)

    kinds = [kind for kind in lines.count if kind != "\ufffd"]
    notes = [said("found", kinds[0])]
    if len(kinds) > 1:
        notes = [words.later("notes.encoding.mixed", each=[said("lines", kind) for kind in kinds])]
    if not verdict.certain and verdict.codec in kinds:
        notes.append(said("unsure", verdict.codec, other="Windows-1252" if verdict.codec == "gb18030" else "GB18030"))
    if "\ufffd" in lines.count:
        notes.append(said("damaged", "\ufffd"))
    return tuple(notes)
