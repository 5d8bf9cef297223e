"""Names and texts as they stand in SQL."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever characters it holds.

    >>> identifier('or"der')
    '"or""der"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as an SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"
