"""What customers say in their own words, in any language: themes by keyword, telling terms, and topics
without a list."""

from __future__ import annotations

import functools
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from crmlib.answers import DETRACTOR, PROMOTER
from crmlib.engine import to_pandas
from crmlib.lifecycle.nps.score import scores
from crmlib.settings import Mistake, Mistakes, Strict, open_settings
from crmlib.statistics import wald
from crmlib.words import Words, quotation, voice

_WORDS = Words(__file__)
OTHER = "other"
THEMES = (
    "theme", "answers", "share", "detractor_comments", "detractor_share", "nps", "nps_low", "nps_high",
    "small_base", "complaint", "praise",
)  # fmt: skip
TERMS = ("term", "detractor_comments", "promoter_comments", "log_odds", "log_odds_low", "log_odds_high", "z", "example")
TOPICS = ("topic", "terms", "answers", "share", "nps", "nps_low", "nps_high", "small_base", "example")
GARBLED = "\N{REPLACEMENT CHARACTER}"
"""Stands where a character of an export could not be read: such a comment is quoted only where there is no other."""
_FILE = Path(__file__).parent / "themes.yaml"
# Scripts written without spaces between words: Han, kana, Thai, Lao, Khmer, Burmese.
_UNSPACED = (
    "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff"
)
# Letters of the other scripts, with the marks that Python's \w leaves out (accents, Hebrew, Arabic and Indic vowels).
_LETTER = rf"(?:[^\W\d_{_UNSPACED}]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff])"
_RUNS = re.compile(rf"[{_UNSPACED}]+|{_LETTER}(?:['’]?{_LETTER})*")


class Theme(Strict):
    """A theme: what a comment must say to be about it, and its label per language, if it is not one of the kit's."""

    label: dict[str, str] = {}
    words: tuple[str, ...] = Field(min_length=1)

    @field_validator("label", mode="before")
    @classmethod
    def _of_all_languages(cls, label: Any) -> Any:
        return {"en": label} if isinstance(label, str) else label

    @field_validator("words")
    @classmethod
    def _say_something(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if not all(word.strip(" *") for word in words):
            raise Mistake(_WORDS, "empty_word")
        return words


class Rules(Strict):
    """The themes by their names, and the words that say nothing by themselves."""

    themes: dict[str, Theme]
    stop_words: frozenset[str] = frozenset()

    @field_validator("themes")
    @classmethod
    def _have_labels(cls, themes: dict[str, Theme]) -> dict[str, Theme]:
        """A theme that the kit does not know has a label; else its code would be read on the page."""
        named = {name for name, theme in themes.items() if any(label.strip() for label in theme.label.values())}
        if unnamed := [name for name in themes if name not in named and not _WORDS.has(f"names.themes.{name}")]:
            raise Mistakes([Mistake(_WORDS, "no_label", [name], name=name) for name in unnamed])
        return themes

    @property
    def labels(self) -> dict[str, str]:
        """What the file calls its themes in the language in use, or in another where it does not say."""
        return {
            name: next(
                label for label in (theme.label.get(voice().language, ""), *theme.label.values()) if label.strip()
            )
            for name, theme in self.themes.items()
            if any(label.strip() for label in theme.label.values())
        }


@functools.cache
def theme_rules(file: str | Path | None = None) -> Rules:
    """The themes of a YAML file like ``crmlib/lifecycle/nps/themes.yaml``, which is the default.

    Raises:
        UnusableInput: the file is missing, is no YAML, or a theme lacks words; every problem at once.

    >>> list(theme_rules().themes)
    ['wait', 'service', 'product', 'price', 'app']
    """
    rules = open_settings(file or _FILE, name=str(file or _FILE.name)).made(Rules)
    return rules.model_copy(update={"stop_words": frozenset(word.casefold() for word in rules.stop_words)})


def terms_of(comment: str) -> list[str]:
    """The terms of a comment in any language: words where words are spaced, pairs of characters where they
    are not.

    >>> terms_of("The app crashes!"), terms_of("等待时间太长")
    (['the', 'app', 'crashes'], ['等待', '待时', '时间', '间太', '太长'])
    """
    terms = []
    for run in _RUNS.findall(unicodedata.normalize("NFKC", str(comment)).casefold()):
        if re.match(f"[{_UNSPACED}]", run):
            terms += [run[n : n + 2] for n in range(max(len(run) - 1, 1))]
        else:
            terms.append(run)
    return terms


def _mentions(theme: Theme) -> Callable[[str], bool]:
    """Whether a comment (normalised) is about the theme."""
    anywhere, words = [], []
    for word in theme.words:
        plain = unicodedata.normalize("NFKC", word).casefold().strip()
        if re.search(f"[{_UNSPACED}]", plain):
            anywhere.append(re.escape(plain.strip("*")))
        else:
            stem = r"\s+".join(re.escape(part) for part in plain.rstrip("*").split())
            words.append(stem + (r"\w*" if plain.endswith("*") else r"(?!\w)"))
    patterns = [re.compile("|".join(anywhere))] if anywhere else []
    spaced = re.compile(rf"(?<!\w)(?:{'|'.join(words)})") if words else None

    def mentions(comment: str) -> bool:
        if any(pattern.search(comment) for pattern in patterns):
            return True
        # Set unspaced scripts apart, so that "用app预约" holds the word "app".
        return bool(spaced and spaced.search(re.sub(f"([{_UNSPACED}]+)", r" \1 ", comment)))

    return mentions


def _commented(answers: Any) -> Any:
    """The answers that hold words, with the comment normalised in ``_said``; an empty frame without
    comments."""
    frame = to_pandas(answers)
    if "comment" not in frame.columns:
        return frame.iloc[:0].assign(comment="", _said="")
    said = frame.comment.fillna("").astype(str).map(lambda c: unicodedata.normalize("NFKC", c).casefold())
    return frame.assign(_said=said)[said.str.contains(r"\w", regex=True).to_numpy(dtype=bool)]


def themes(answers: Any, *, rules: Rules | None = None, fewest_comments: int = 20, level: float = 0.95) -> Any:
    """What the comments are about, by the keywords of ``rules``, and the score of those who write about it; a
    pandas frame.

    ``answers``: from :func:`answers` with a ``comment``. Columns: ``theme``, ``answers`` that mention it, ``share`` of
    all comments, ``detractor_comments`` among them, ``detractor_share`` (of all detractors' comments), ``nps``,
    ``nps_low``, ``nps_high`` of those who mention it, ``small_base``, and the most typical ``complaint`` (of a
    detractor) and ``praise`` (of a promoter) as :func:`crmlib.words.quotation`; empty without one. A comment may have
    several themes; comments with none are the theme ``other``, last. Themes that nobody mentions are left out. Empty
    with fewer than ``fewest_comments`` comments. Those who write are not all who answer.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [10.0, 2.0, 3.0], "category": ["promoter", "detractor", "detractor"],
    ...     "comment": ["Very fast!", "等待时间太长", "I had to wait"]})
    >>> themes(answers, fewest_comments=1)[["theme", "answers", "nps", "complaint"]].round(1)
      theme  answers   nps complaint
    0  wait        3 -33.3    等待时间太长
    """
    import pandas as pd

    said = _commented(answers)
    if len(said) < max(fewest_comments, 1):
        return pd.DataFrame(columns=list(THEMES))
    detractors = int((said.category == DETRACTOR).sum())
    parts = {name: said[mask] for name, mask in _mentioned(said, rules).items() if mask.any()}
    score = _scores_of(parts, level)
    rows: list[dict[str, Any]] = []
    for name, part in parts.items():
        worst = part[part.category == DETRACTOR]
        rows.append(
            {
                "theme": name,
                "answers": len(part),
                "share": len(part) / len(said),
                "detractor_comments": len(worst),
                "detractor_share": len(worst) / detractors if detractors else float("nan"),
                **score.loc[name],
                "complaint": _typical(worst.comment),
                "praise": _typical(part[part.category == PROMOTER].comment),
            }
        )
    rows.sort(key=lambda row: (row["theme"] == OTHER, -row["answers"], row["theme"]))
    return pd.DataFrame(rows, columns=list(THEMES))


def _mentioned(said: Any, rules: Rules | None) -> Any:
    """Which comments (rows) speak of which themes (columns), and which of none of them (``other``)."""
    import pandas as pd

    themes = (rules or theme_rules()).themes
    found = pd.DataFrame(
        {name: said._said.map(_mentions(theme)) for name, theme in themes.items()}, said.index, dtype=bool
    )
    return found.assign(**{OTHER: ~found.any(axis=1)})


def to_call(standing: Any, *, rules: Rules | None = None) -> Any:
    """The detractors to call: what they spent, how they rated us, and what they write about; a pandas frame.

    ``standing``: from :func:`standing`; ``rules``: as for :func:`themes`. Columns: ``customer_id``, ``value`` (what the
    customer spent, client's currency), ``score``, ``answered_at``, ``wrote`` (whether there is a comment) and
    ``themes`` (the codes of those that it mentions). Those who spent most stand first.

    >>> import pandas as pd
    >>> standing = pd.DataFrame({"customer_id": ["a", "b"], "category": ["detractor", "promoter"], "score": [3.0, 9.0],
    ...     "revenue": [10.0, 20.0], "comment": ["Too slow", ""], "answered_at": pd.to_datetime(["2025-03-01"] * 2)})
    >>> to_call(standing)[["customer_id", "value", "score", "wrote", "themes"]]
      customer_id  value  score  wrote  themes
    0           a   10.0    3.0   True  [wait]
    """
    people = to_pandas(standing)
    people = people[people.category == DETRACTOR].rename(columns={"revenue": "value"}).reset_index(drop=True)
    found = _mentioned(_commented(people), rules).drop(columns=OTHER)
    about = found.apply(lambda row: list(found.columns[row]), axis=1, result_type="reduce").reindex(people.index)
    people = people.assign(wrote=about.notna(), themes=[codes if isinstance(codes, list) else [] for codes in about])
    columns = ["customer_id", "value", "score", "answered_at", "wrote", "themes"]
    return people.sort_values("value", ascending=False, kind="stable", ignore_index=True)[columns]


def _scores_of(parts: Mapping[Any, Any], level: float) -> Any:
    """The score of every part, with its interval, by the part's name."""
    import pandas as pd

    columns = [name for name in ("score", "respondent", "weight") if name in next(iter(parts.values())).columns]
    every = pd.concat([part[columns].assign(part=str(name)) for name, part in parts.items()], ignore_index=True)
    table = scores(every, by=("part",), level=level).set_index("part")
    return table[["nps", "nps_low", "nps_high", "small_base"]]


def _typical(comments: Any) -> str:
    """The comment whose terms are the commonest among them; the shorter one where that does not decide."""
    said = Counter(str(comment) for comment in comments)
    if not said:
        return ""
    terms = {comment: set(terms_of(comment)) for comment in said}
    common = Counter(term for comment, times in said.items() for term in terms[comment] for _ in range(times))
    total = sum(said.values())

    def typical(comment: str) -> tuple[bool, float, int, str]:
        each = sum(common[term] for term in terms[comment]) / (total * max(len(terms[comment]), 1))
        return (GARBLED in comment, -round(each, 6), len(comment), comment)

    return quotation(min(said, key=typical))


def telling_terms(
    answers: Any, *, most: int = 20, fewest_comments: int = 3, prior: float = 100.0, level: float = 0.95
) -> Any:
    """The terms that tell detractors' comments from promoters', without any list of keywords; a pandas frame.

    Log odds ratio of a term in detractors' against promoters' comments with an informative Dirichlet prior,
    which is the term's share in all comments times ``prior`` terms: rare terms stay near zero (Monroe,
    Colaresi & Quinn 2008, Fightin' Words, Political Analysis 16, eq. 16–22). A term counts once per comment;
    terms of :func:`terms_of` in fewer than ``fewest_comments`` are left out. Columns: ``term``,
    ``detractor_comments`` and ``promoter_comments`` that hold it, ``log_odds`` (positive: detractors say it)
    with its interval, ``z`` (log odds over its standard error) and a short ``example`` of those who say it more. The
    ``most`` telling, detractors' terms first. Many terms are looked at: an interval that just misses 0 proves nothing.

    >>> import pandas as pd
    >>> answers = pd.DataFrame({"score": [1.0] * 5 + [10.0] * 5, "category": ["detractor"] * 5 + ["promoter"] * 5,
    ...     "comment": ["too slow"] * 5 + ["so good"] * 5})
    >>> telling_terms(answers)[["term", "detractor_comments", "promoter_comments"]]
           term  detractor_comments  promoter_comments
    0  too slow                   5                  0
    1   so good                   0                  5
    """
    import numpy as np
    import pandas as pd
    from sklearn.feature_extraction.text import CountVectorizer

    said = _commented(answers)
    comments = said.comment.astype(str).to_numpy(dtype=object)
    of = {name: (said.category == name).to_numpy() for name in (DETRACTOR, PROMOTER)}
    words = CountVectorizer(analyzer=terms_of, binary=True)
    try:
        held = words.fit_transform(comments).tocsc()
    except ValueError:  # no comment holds a term
        return pd.DataFrame(columns=list(TERMS))
    # Terms of the same comments are told as one.
    together: dict[tuple[int, ...], set[str]] = {}
    for term, places in zip(words.get_feature_names_out(), np.split(held.indices, held.indptr[1:-1]), strict=True):
        if len(places) >= fewest_comments:
            together.setdefault(tuple(places), set()).add(term)
    if len(together) < 2 or not all(held[side].nnz for side in of.values()):
        return pd.DataFrame(columns=list(TERMS))
    total = np.array([len(places) for places in together], dtype=float)
    bad, good = (np.array([side[list(places)].sum() for places in together], dtype=float) for side in of.values())
    weight = prior * total / total.sum()
    sides = [np.log((y + weight) / (y.sum() + prior - y - weight)) for y in (bad, good)]
    odds = sides[0] - sides[1]
    error = np.sqrt(1 / (bad + weight) + 1 / (good + weight))
    examples = [
        min(
            comments[[n for n in places if of[side][n]] or list(places)],
            key=lambda comment: (GARBLED in comment, len(comment), comment),
        )
        for places, side in zip(together, np.where(odds > 0, DETRACTOR, PROMOTER), strict=True)
    ]
    names = map(_joined, examples, together.values())
    low, high = wald(odds, error, level=level)
    table = pd.DataFrame(
        {
            "term": [quotation(name, length=40) for name in names],
            "detractor_comments": bad.astype("int64"),
            "promoter_comments": good.astype("int64"),
            "log_odds": odds,
            "log_odds_low": low,
            "log_odds_high": high,
            "z": (odds / error).round(9),
            "example": [quotation(example, length=60) for example in examples],
        }
    )
    table["_size"] = table.z.abs()
    table = table.sort_values(["_size", "term"], ascending=[False, True]).head(most)
    return table.sort_values(["z", "term"], ascending=[False, True], ignore_index=True)[list(TERMS)]


def _joined(comment: str, terms: set[str]) -> str:
    """The terms as they stand in the comment: overlapping pairs of characters in one, gaps as an ellipsis."""
    pieces: list[str] = []
    before = ""
    for term in terms_of(comment):
        pair = bool(re.match(f"[{_UNSPACED}]", term))
        if term in terms:
            if before and pair and before[-1] == term[0] and len(term) == 2:
                pieces[-1] += term[1]
            elif before and not pair:
                pieces[-1] += f" {term}"
            else:
                pieces.append(term)
        before = term if term in terms else ""
    return " … ".join(dict.fromkeys(pieces))


def topics(answers: Any, *, topics: int = 6, stop_words: frozenset[str] | None = None, level: float = 0.95) -> Any:
    """What the comments are about when there is no list of keywords, in any language; a pandas frame.

    Non-negative matrix factorisation of the comments' TF-IDF over :func:`terms_of` (Lee & Seung 1999, Nature
    401), started from the singular value decomposition, so that the same comments give the same topics.
    Comments in different languages fall into different topics. Columns: ``topic`` (1, 2, …; the largest
    first), its leading ``terms``, ``answers`` that are mostly about it, ``share`` of all comments, ``nps``,
    ``nps_low``, ``nps_high``, ``small_base`` and a typical ``example``. Empty with fewer than 50 comments, or
    fewer terms that occur three times than topics.
    """
    import numpy as np
    import pandas as pd

    said = _commented(answers).reset_index(drop=True)
    if len(said) < 50:
        return pd.DataFrame(columns=list(TOPICS))
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer

    stops = theme_rules().stop_words if stop_words is None else stop_words
    vectors = TfidfVectorizer(
        analyzer=lambda comment: [term for term in terms_of(comment) if term not in stops], min_df=3, max_df=0.5
    )
    try:
        weights = vectors.fit_transform(said.comment.astype(str))
    except ValueError:
        return pd.DataFrame(columns=list(TOPICS))
    if min(weights.shape) <= topics:
        return pd.DataFrame(columns=list(TOPICS))
    model = NMF(n_components=topics, init="nndsvd", random_state=0, max_iter=400, tol=1e-4)
    with warnings.catch_warnings():
        # Where the last digits have not settled, the leading terms have.
        warnings.simplefilter("ignore", ConvergenceWarning)
        strength = model.fit_transform(weights)
    names = vectors.get_feature_names_out()
    main = np.where(strength.max(axis=1) > 1e-9, strength.argmax(axis=1), -1)
    parts = {number: said[main == number] for number in range(topics) if (main == number).any()}
    score = _scores_of(parts, level)
    rows = []
    for number, part in parts.items():
        leading = sorted(zip(-model.components_[number].round(4), names, strict=True))[:4]
        rows.append(
            {
                "terms": ", ".join(quotation(name, length=30) for _, name in leading),
                "answers": len(part),
                "share": len(part) / len(said),
                **score.loc[str(number)],
                "example": _typical(part.comment),
            }
        )
    table = pd.DataFrame(rows).sort_values(["answers", "terms"], ascending=[False, True], ignore_index=True)
    table.insert(0, "topic", range(1, len(table) + 1))
    return table[list(TOPICS)]
