"""Which customers are probably one person although no key agrees: the Fellegi-Sunter model of the package Splink.

An extra (``pip install "crmlib[matching]"``). What comes out is a proposal for the list of merges, never a rule.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from crmlib.engine import literal
from crmlib.intake.identities.contacts import as_view, columns_of, emails, one_width, phones, written_alike
from crmlib.problems import Problem, UnusableInput
from crmlib.words import Words, listed

_WORDS = Words(__file__)

_RECALL_OF_KEYS = 0.7
"""The share of all duplicates that agree in a key: a starting value, from which only the prior is computed."""

_LEAST_PAIRS = 30
"""With fewer pairs to learn from, the expected agreement of duplicates stays as it is set below."""


_SAMPLED_PAIRS = 5e5
"""Pairs from which it is estimated how often different people agree."""


@dataclass(frozen=True)
class _Level:
    """One degree of agreement: SQL over the ``_l`` and ``_r`` columns, its words, how often duplicates show it."""

    sql: str
    words: str
    among_duplicates: float


@dataclass(frozen=True)
class _Compared:
    column: str
    levels: tuple[_Level, ...]
    otherwise: str
    rare_counts_more: bool = False


def _same(column: str, words: str, share: float) -> _Level:
    return _Level(f"{column}_l = {column}_r", words, share)


_COMPARED = (
    _Compared(
        "name",
        (
            _same("name", "same_name", 0.8),
            _Level(
                "length(name_l) > 2 AND levenshtein(name_l, name_r) <= CASE WHEN length(name_l) > 5 THEN 2 ELSE 1 END",
                "close_names",
                0.12,
            ),
            _Level("length(name_l) > 5 AND jaro_winkler_similarity(name_l, name_r) > 0.88", "similar_names", 0.04),
        ),
        "different_names",
        rare_counts_more=True,
    ),
    _Compared(
        "email",
        (
            _same("email", "same_email", 0.6),
            _Level(
                "abs(length(email_l) - length(email_r)) <= 2 AND levenshtein(email_l, email_r) <= 2",
                "close_emails",
                0.15,
            ),
            _Level(
                "split_part(email_l, '@', 1) = split_part(email_r, '@', 1)",
                "same_email_name",
                0.1,
            ),
        ),
        "different_emails",
    ),
    _Compared(
        "phone",
        (
            _same("phone", "same_phone", 0.6),
            _Level("levenshtein(phone_l, phone_r) <= 2", "close_phones", 0.15),
        ),
        "different_phones",
    ),
    _Compared(
        "birthday",
        (
            _same("birthday", "same_birthday", 0.85),
            _Level(
                "levenshtein(birthday_l, birthday_r) <= 1 OR (left(birthday_l, 4) = left(birthday_r, 4) AND "
                "substr(birthday_l, 6, 2) = right(birthday_r, 2) AND right(birthday_l, 2) = substr(birthday_r, 6, 2))",
                "close_birthdays",
                0.1,
            ),
        ),
        "different_birthdays",
    ),
    _Compared(
        "address",
        (
            _same("address", "same_address", 0.6),
            _Level("jaro_winkler_similarity(address_l, address_r) > 0.93", "similar_addresses", 0.15),
        ),
        "different_addresses",
    ),
    _Compared("city", (_same("city", "same_city", 0.85),), "different_cities", rare_counts_more=True),
)

_CANDIDATES: tuple[tuple[str, ...], ...] = (
    ("email",),
    ("phone",),
    ("name", "city"),
    ("name", "left(birthday, 4)"),
    ("name", "right(birthday, 5)"),
    ("birthday", "left(name, 1)"),
    ("birthday", "city"),
    ("right(phone, 6)", "left(name, 1)"),
    ("left(phone, 7)", "left(name, 2)"),
    ("split_part(email, '@', 1)",),
    ("left(email, 5)", "left(name, 2)"),
    ("address", "left(name, 1)"),
)
"""Pairs are looked at only if they agree in one of these; each is at home in an index, so that millions can be done."""

_LEARNT_FROM = (("email",), ("phone",), ("name", "birthday"), ("name", "city"))


def probable_pairs(
    connection: Any,
    relation: Any,
    *,
    threshold: float = 0.95,
    seed: int = 1,
    calling_code: str = "86",
    most_sharing: int = 5,
) -> Any:
    """Which customers are probably one person: ``customer_id, duplicate_of, probability, because`` (Arrow).

    Args:
        connection: DuckDB (raw).
        relation: customers as for :func:`~crmlib.intake.identities.duplicates.duplicates`.
        threshold: the least probability that is answered.
        seed: of the sample from which chance agreement is estimated; the same data give the same answer.
        calling_code: of the country whose numbers are written without one.
        most_sharing: contacts of more customers than this are not compared.

    ``duplicate_of`` was seen first. ``because`` says in words which comparisons spoke for it and which against, the
    strongest first, without what they hold. Pairs with different genders, both known, are left out, and so
    are pairs with different names and different birthdays (households). All comparing is done in a database in memory
    that is gone afterwards.

    Raises:
        UnusableInput: Splink is not installed, or there is nothing to compare.

    Source: Fellegi and Sunter, "A Theory for Record Linkage", Journal of the American Statistical Association 64
    (1969); parameters by expectation maximisation as in Enamorado, Fifield and Imai, American Political Science Review
    113 (2019).
    """
    _require_splink()
    import duckdb

    inside = duckdb.connect(config={"threads": 1})
    try:
        with one_width(connection), as_view(connection, relation, "_customers_to_compare") as view:
            inside.register("_comparable", _comparable(connection, view, calling_code, most_sharing))
            inside.execute("CREATE TABLE comparable AS SELECT * FROM _comparable ORDER BY customer_id")
        compared = _comparisons_for(inside)
        if len(compared) < 2:
            known = [compared.column for compared in _COMPARED]
            raise UnusableInput([Problem.said(_WORDS, "little_known", "client.yaml", "customers", columns=known)])
        with _quiet():
            threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
            scored = _scored(inside, compared, threshold, seed, int(threads))
        return _in_words(inside, scored, compared) if scored else _nothing(inside)
    finally:
        inside.close()


def _require_splink() -> None:
    try:
        import splink

        right = splink.__version__.startswith("5.")
    except ImportError:
        right = False
    if not right:
        raise UnusableInput([Problem.said(_WORDS, "no_splink", _WORDS.say("probable"))])


def _comparable(connection: Any, view: str, calling_code: str, most_sharing: int) -> Any:
    """One row per customer: what is compared, as text; contacts of roles and of many are left out."""

    def contact(name: str, keys: str) -> str:
        return f"""{name}_keys AS (
            SELECT customer_id, min(key) AS {name} FROM (
                SELECT *, count(*) OVER (PARTITION BY key) AS sharing FROM ({keys})
            ) WHERE set_apart IS NULL AND sharing <= {int(most_sharing)} GROUP BY customer_id
        )"""

    written = written_alike(view, columns_of(connection, view))
    return connection.sql(
        f"""
        WITH written AS MATERIALIZED ({written}),
        {contact("email", emails("written"))},
        {contact("phone", phones("written", calling_code=calling_code))},
        single AS (
            SELECT customer_id, min(first_seen) AS first_seen, min(gender) AS gender, min(name) AS name,
                CAST(min(birthday) AS VARCHAR) AS birthday, min(address) AS address, min(city) AS city
            FROM written GROUP BY customer_id
        )
        SELECT single.*, email, phone FROM single
        LEFT JOIN email_keys USING (customer_id) LEFT JOIN phone_keys USING (customer_id)"""
    ).to_arrow_table()


def _comparisons_for(inside: Any) -> tuple[_Compared, ...]:
    """The comparisons for which at least two customers have something, and not all the same."""
    counts = ", ".join(f"count(DISTINCT {c.column})" for c in _COMPARED)
    filled = inside.execute(f"SELECT {counts} FROM comparable").fetchone()
    return tuple(c for c, different in zip(_COMPARED, filled, strict=True) if different > 1)


def _scored(inside: Any, compared: tuple[_Compared, ...], threshold: float, seed: int, threads: int) -> str | None:
    """The SQL name of the scored pairs, after the model has learnt from the data; None: no pair to look at."""
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    columns = {c.column for c in compared}
    candidates = [c for c in _CANDIDATES if _columns_in(c) <= columns]
    if not any(_pairs_agreeing(inside, c) for c in candidates):
        return None
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="customer_id",
        comparisons=[_comparison(c) for c in compared],
        blocking_rules_to_generate_predictions=[block_on(*c) for c in candidates],
        probability_two_random_records_match=_prior(inside, columns),
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
    )
    linker = Linker(DuckDBAPI(inside).register("comparable"), settings, log_level=None)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=_SAMPLED_PAIRS, seed=seed, min_count_per_level=None, num_chunks=1
    )
    for rule in _LEARNT_FROM:
        if _columns_in(rule) <= columns and len(columns - _columns_in(rule)) and _enough(inside, rule):
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(*rule), fix_probability_two_random_records_match=False, estimate_without_term_frequencies=True
            )
    inside.execute(f"SET threads = {threads}")  # learning depends on the order of sums, scoring does not
    scored = linker.inference.predict(threshold_match_probability=threshold, warning_mode="never")
    return str(scored.physical_name)


def _comparison(compared: _Compared) -> Any:
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons

    c = compared.column
    made = []
    for n, level in enumerate(compared.levels):
        if n == 0:
            made.append(
                levels.ExactMatchLevel(c, term_frequency_adjustments=compared.rare_counts_more).configure(
                    m_probability=level.among_duplicates
                )
            )
        else:
            made.append(levels.CustomLevel(level.sql, level.words).configure(m_probability=level.among_duplicates))
    rest = 1 - sum(level.among_duplicates for level in compared.levels)
    return comparisons.CustomComparison(
        output_column_name=c,
        comparison_levels=[levels.NullLevel(c), *made, levels.ElseLevel().configure(m_probability=rest)],
    )


def _columns_in(expressions: tuple[str, ...]) -> set[str]:
    """The compared columns in a rule.

    >>> sorted(_columns_in(("right(phone, 6)", "name")))
    ['name', 'phone']
    """
    known = {c.column for c in _COMPARED}
    return {word for expression in expressions for word in re.findall(r"[a-z_]+", expression) if word in known}


def _pairs_agreeing(inside: Any, rule: tuple[str, ...]) -> int:
    """How many pairs agree in a rule's expressions."""
    by = ", ".join(rule)
    filled = " AND ".join(f"{expression} IS NOT NULL" for expression in rule)
    sql = f"""
        SELECT coalesce(sum(n * (n - 1) // 2), 0)
        FROM (SELECT count(*) AS n FROM comparable WHERE {filled} GROUP BY {by})"""
    return int(inside.execute(sql).fetchone()[0])


def _enough(inside: Any, rule: tuple[str, ...]) -> bool:
    return _pairs_agreeing(inside, rule) >= _LEAST_PAIRS


def _prior(inside: Any, columns: set[str]) -> float:
    """The probability that two customers taken at random are one person, from those that agree in a key."""
    keys = [rule for rule in (("email",), ("phone",), ("name", "birthday")) if set(rule) <= columns]
    agreeing = max([_pairs_agreeing(inside, rule) for rule in keys] or [0])
    customers = inside.execute("SELECT count(*) FROM comparable").fetchone()[0]
    return float(min(0.5, max(agreeing, 1) / _RECALL_OF_KEYS / max(customers * (customers - 1) / 2, 2)))


def _in_words(inside: Any, scored: str, compared: tuple[_Compared, ...]) -> Any:
    """The scored pairs with the first seen in the second place, and what spoke for them and against."""
    present = columns_of(inside, scored)
    comma, although = literal(listed(["", ""])), literal(_WORDS.say("although", agreeing="<1>", differing="<2>"))
    said = ", ".join(f"{{'weight': {_weight(c.column, present)}, 'words': {_words(c)}}}" for c in compared)
    return inside.sql(
        f"""
        WITH said AS (
            SELECT *, list_filter([{said}], lambda s: s.words IS NOT NULL) AS parts
            FROM {scored}
        ),
        judged AS (
            SELECT s.*, r.first_seen IS NOT NULL AND (l.first_seen IS NULL OR r.first_seen < l.first_seen)
                OR (r.first_seen IS NOT DISTINCT FROM l.first_seen AND r.customer_id < l.customer_id) AS right_first,
                array_to_string(list_transform(list_reverse_sort(list_filter(parts, lambda s: s.weight > 0)),
                    lambda s: s.words), {comma}) AS speaking_for,
                array_to_string(list_transform(list_sort(list_filter(parts, lambda s: s.weight <= 0)),
                    lambda s: s.words), {comma}) AS speaking_against
            FROM said AS s JOIN comparable AS l ON l.customer_id = customer_id_l
            JOIN comparable AS r ON r.customer_id = customer_id_r
            WHERE NOT coalesce(l.gender <> r.gender, false) {_no_household(compared)}
        )
        SELECT CASE WHEN right_first THEN customer_id_l ELSE customer_id_r END AS customer_id,
            CASE WHEN right_first THEN customer_id_r ELSE customer_id_l END AS duplicate_of,
            match_probability AS probability,
            CASE speaking_against WHEN '' THEN speaking_for
                ELSE replace(replace({although}, '<1>', speaking_for), '<2>', speaking_against) END AS because
        FROM judged ORDER BY probability DESC, duplicate_of, customer_id"""
    ).to_arrow_table()


def _no_household(compared: tuple[_Compared, ...]) -> str:
    """SQL condition: different in name and in birthday are two people, whatever address and phone they share."""
    if not {"name", "birthday"} <= {c.column for c in compared}:
        return ""
    return "AND NOT (gamma_name = 0 AND gamma_birthday = 0)"


def _weight(column: str, present: set[str]) -> str:
    """SQL of the comparison's weight (log2 of the odds), with what a rare value adds."""
    adjusted = f"mw_tf_adj_{column}"
    return f"mw_{column} + coalesce({adjusted}, 0)" if adjusted in present else f"mw_{column}"


def _words(compared: _Compared) -> str:
    """SQL of what a comparison found; Splink numbers the levels from the weakest, 0, to the strongest."""
    strongest = len(compared.levels)
    cases = " ".join(f"WHEN {strongest - n} THEN {_named(level.words)}" for n, level in enumerate(compared.levels))
    return f"CASE gamma_{compared.column} {cases} WHEN 0 THEN {_named(compared.otherwise)} END"


def _named(found: str) -> str:
    return literal(_WORDS.name("found", found))


def _nothing(inside: Any) -> Any:
    return inside.sql(
        "SELECT '' AS customer_id, '' AS duplicate_of, 0.0::DOUBLE AS probability, '' AS because WHERE false"
    ).to_arrow_table()


@contextmanager
def _quiet() -> Iterator[None]:
    """Splink's own messages are for those who build models, not for the reader of a check."""
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
