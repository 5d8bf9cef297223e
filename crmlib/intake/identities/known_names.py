"""Names of known customers in other people's words: who is named beyond doubt, and where that cannot be told."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from crmlib.intake.identities.contacts import is_filler
from crmlib.intake.identities.masking import PLACEHOLDERS

_EAST_ASIAN = "\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_WRITTEN_TOGETHER = re.compile(f"[{_EAST_ASIAN}]+")
_PARTS = re.compile(r"[\s·・,，]+")
_WORD = re.compile(rf"[^\W\d_{_EAST_ASIAN}][^\W_{_EAST_ASIAN}]*(?:['’-][^\W_{_EAST_ASIAN}]+)*")
_BETWEEN = re.compile(r"[\s,.·-]{1,3}")
_MAY_HOLD_ADDRESS = re.compile(r"[@＠]|[(\[{]\s?at")
_ADDRESS = re.compile(r"[^\s,;<>]+\s{0,2}(?:[@＠]|[(\[{]\s?at\s?[)\]}])\s{0,2}[^\s,;<>]+\.\w")
"""E-mail addresses are masked as a whole, and elsewhere: a name in one is left to that."""
_KOREAN = re.compile("[\uac00-\ud7af]")
_LONGEST, _SHORT = 12, 3
"""Characters of a name that is written together; letters below which a single word is no sign of anybody."""


class KnownNames:
    """Names to look for in texts.

    Beyond doubt is a name of two words (in either order, whatever the case), one that begins with a Chinese surname or
    is Korean and is no ordinary word, and any of five or more characters of an East Asian script. In doubt is a single
    word, an ordinary one, and a nickname: those to ``mask`` are somebody's, those to ``keep`` are nobody's.

    >>> names = KnownNames(["Anna Schmidt", "张三丰", "王芳", "Rose", "高兴"])
    >>> names.masked("Schmidt, Anna knows 张三丰和王芳, says anna schmidt", "[name]")
    '[name] knows [name]和[name], says [name]'
    >>> names.masked("a rose, Rose, 我很高兴", "[name]"), names.in_doubt("a rose, Rose, 我很高兴")
    ('a rose, Rose, 我很高兴', ['Rose', '高兴'])
    >>> names = KnownNames(["Rose", "高兴"], mask=["Rose"], keep=["高兴"])
    >>> names.masked("a rose, Rose, 我很高兴", "[name]"), names.in_doubt("a rose, Rose, 我很高兴")
    ('a rose, [name], 我很高兴', [])
    """

    def __init__(self, names: Iterable[str], *, mask: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        self._words: set[tuple[str, ...]] = set()
        self._together: set[str] = set()
        self._doubtful: set[str] = set()
        self._alone: set[str] = set()
        for name in names:
            self._add(_written(name))
        self._decide({_written(name) for name in mask}, {_written(name) for name in keep})
        self._longest = max((len(words) for words in self._words), default=0)
        self._first_words = {words[0] for words in self._words}
        self._first = {name[0] for name in self._together}
        self._first_in_doubt = {name[0] for name in self._doubtful if _WRITTEN_TOGETHER.fullmatch(name)}

    def __bool__(self) -> bool:
        return bool(self._words or self._together or self._doubtful or self._alone)

    def _decide(self, mask: set[str], keep: set[str]) -> None:
        """Take what a person has said of single words and of short names; the names known beyond doubt stay so."""
        self._doubtful -= keep | mask
        for name in mask:
            if _WRITTEN_TOGETHER.fullmatch(name):
                self._together.add(name)
            elif len(words := _WORD.findall(name)) == 1:
                self._alone.add(words[0])
            else:
                self._add(name)

    def _add(self, name: str) -> None:
        if len(name) < 2 or "*" in name or is_filler(name):
            return
        if _WRITTEN_TOGETHER.match(name):
            parts = [part for part in _PARTS.split(name) if part]
            whole = "".join(parts)
            if not _WRITTEN_TOGETHER.fullmatch(whole) or len(whole) > _LONGEST:
                return
            sure = len(whole) >= 5 or (len(parts) > 1 and len(whole) >= 3) or _is_a_full_name(whole)
            (self._together if sure else self._doubtful).add(whole)
            return
        words = tuple(_plain(word) for word in _WORD.findall(name))
        if sum(len(word) >= 2 for word in words) >= 2:
            self._words.add(words)
            self._words.add((words[-1], *words[:-1]))
        elif len(words) == 1 and len(words[0]) >= _SHORT:
            self._doubtful.add(_WORD.findall(name)[0])

    @classmethod
    def parts_of(cls, names: Iterable[str]) -> KnownNames:
        """The single words of names, each of which may be somebody else's or an ordinary word.

        >>> KnownNames.parts_of(["Anna Schmidt"]).in_doubt("Frau Schmidt and Anna L.")
        ['Schmidt', 'Anna']
        """
        return cls(word for name in names for word in _WORD.findall(unicodedata.normalize("NFKC", name)))

    def stands_in(self, text: str) -> bool:
        """Whether a text holds one of the names, in doubt or not."""
        return self.masked(text, "") != text or bool(self.in_doubt(text))

    def masked(self, text: str, shown: str) -> str:
        """The text with ``shown`` instead of every name that is known beyond doubt."""
        addresses = [found.span() for found in _ADDRESS.finditer(text)] if _MAY_HOLD_ADDRESS.search(text) else []
        spans = [span for span in self._spans(text) if not any(a < span[1] and span[0] < b for a, b in addresses)]
        if not spans:
            return text
        kept, end = [], 0
        for start, stop in sorted(spans):
            if start >= end:
                kept += [text[end:start], shown]
                end = stop
        return "".join([*kept, text[end:]])

    def in_doubt(self, text: str) -> list[str]:
        """The words of a text, each once, that may be a known name or an ordinary word."""
        found = [word for word in _WORD.findall(text) if word in self._doubtful] if self._doubtful else []
        found += [text[a:b] for a, b in _slices(text, self._doubtful, self._first_in_doubt, 4)]
        return list(dict.fromkeys(found))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        if self._together:
            yield from _slices(text, self._together, self._first, _LONGEST)
        if self._alone:
            yield from (
                found.span() for found in _WORD.finditer(text)
                if found[0] in self._alone or _without_genitive(found[0]) in self._alone
            )  # fmt: skip
        words = [(_plain(found[0]), *found.span()) for found in _WORD.finditer(text)] if self._words else []
        for n, (word, *_) in enumerate(words):
            if word not in self._first_words:
                continue
            for length in range(min(self._longest, len(words) - n), 1, -1):
                part = words[n : n + length]
                said = tuple(word for word, _, _ in part)
                if (said in self._words or (*said[:-1], _without_genitive(said[-1])) in self._words) and all(
                    _BETWEEN.fullmatch(text[before[2] : behind[1]]) for before, behind in itertools.pairwise(part)
                ):
                    yield part[0][1], part[-1][2]
                    break


def _written(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def _slices(text: str, names: set[str], first: set[str], longest: int) -> Iterator[tuple[int, int]]:
    """Where names that are written together stand, the longest at each place."""
    if not first:
        return
    for run in _WRITTEN_TOGETHER.finditer(text):
        for start in range(run.start(), run.end() - 1):
            if text[start] in first:
                for stop in range(min(run.end(), start + longest), start + 1, -1):
                    if text[start:stop] in names:
                        yield start, stop
                        break


def _plain(word: str) -> str:
    """A word without case and accents: people write ``Jose`` and ``José``."""
    if word.isascii():
        return word.lower()
    parted = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in parted if not unicodedata.combining(letter))


def _without_genitive(word: str) -> str:
    return re.sub(r"['’]?s$", "", word)


def _is_a_full_name(name: str) -> bool:
    """Whether a name that is written together begins with a surname and is no ordinary word."""
    if _KOREAN.match(name):
        return len(name) >= 3
    surnames, words = _surnames_and_words()
    return (name[0] in surnames or name[:2] in surnames) and name not in words


@functools.cache
def _surnames_and_words() -> tuple[frozenset[str], frozenset[str]]:
    from crmlib.intake.proposal.content import vocabulary

    known = vocabulary()
    surnames = frozenset([*known["surnames"], *known["surnames_of_two"].split()])
    return surnames, frozenset(known["words_like_names"].split())


def install_names(connection: Any, names: KnownNames, doubtful: KnownNames | None = None) -> None:
    """Create the functions ``without_names(text)`` and ``names_in_doubt(text)`` in DuckDB for this connection.

    ``doubtful`` are those by which the second counts; by default the same.
    """
    import pyarrow as pa

    shown, doubts = PLACEHOLDERS["name"], doubtful or names

    def without(cells: Any) -> Any:
        texts = cells.to_pylist()
        return pa.array([None if text is None else names.masked(text, shown) for text in texts], pa.string())

    def in_doubt(cells: Any) -> Any:
        return pa.array([len(doubts.in_doubt(cell or "")) for cell in cells.to_pylist()], pa.int64())

    connection.create_function("without_names", without, ["VARCHAR"], "VARCHAR", type="arrow")
    connection.create_function("names_in_doubt", in_doubt, ["VARCHAR"], "BIGINT", type="arrow")


@contextmanager
def duckdb_with_names(names: KnownNames, doubtful: KnownNames) -> Iterator[Any]:
    """A connection of its own with the functions of :func:`install_names`."""
    import duckdb

    with duckdb.connect() as connection:
        install_names(connection, names, doubtful)
        yield connection
