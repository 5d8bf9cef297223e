"""Formulas of KPIs: arithmetic over named measures, read without ever running them as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crmlib.problems import nearest
from crmlib.settings import Mistake
from crmlib.words import Words

_WORDS = Words(__file__)
_LONGEST = 200


def _ratio(left: Any, right: Any) -> Any:
    if hasattr(right, "where"):
        return left / right.where(right != 0)
    return left / right if right else float("nan")


_OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _ratio,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


class FormulaInvalid(Mistake):
    """A formula that cannot be used; says what was found and what to write instead."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(_WORDS, f"formula.{key}", **values)


@dataclass(frozen=True)
class Formula:
    """An arithmetic expression over measures, made by :func:`read_formula`."""

    text: str
    measures: tuple[str, ...]
    _tree: ast.expr

    def value(self, measures: Mapping[str, Any]) -> Any:
        """The formula's value; numbers in, number out, and columns in, column out.

        What is not known, or divided by zero, is NaN: a rate without a base is unknown, not zero.

        >>> read_formula("cost / buyers").value({"cost": 300.0, "buyers": 4})
        75.0
        >>> read_formula("cost / buyers").value({"cost": 300.0, "buyers": 0})
        nan
        """
        return _value(self._tree, measures)


def read_formula(text: Any, known: tuple[str, ...] | None = None) -> Formula:
    """The formula that a text holds: measures, numbers, ``+ - * /`` and brackets, and nothing else.

    ``known``: the measures that there are; None: any name will do.

    Raises:
        FormulaInvalid: for anything else, and for a measure that is not known (the nearest one is proposed).

    >>> read_formula("(promoters - detractors) / answers").measures
    ('promoters', 'detractors', 'answers')
    >>> read_formula("revenu / orders", known=("revenue", "orders"))
    Traceback (most recent call last):
    crmlib.lifecycle.scorecard.formula.FormulaInvalid: found the unknown measure 'revenu'; expected ... mean 'revenue'?
    """
    source = str(text).strip()
    if len(source) > _LONGEST:
        raise FormulaInvalid("long", characters=len(source), longest=_LONGEST)
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaInvalid("no_arithmetic", formula=source) from None
    names = _names(tree)
    if not names:
        raise FormulaInvalid("no_measure", formula=source)
    for name in names:
        if known is not None and name not in known:
            raise FormulaInvalid("unknown_measure", name=name, nearest=nearest(name, known))
    return Formula(source, tuple(dict.fromkeys(names)), tree)


def _names(node: ast.expr) -> list[str]:
    """The measures that an expression names; FormulaInvalid for one that is more than arithmetic."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.BinOp | ast.UnaryOp) and type(node.op) in _OPERATIONS:
        return [name for operand in _operands(node) for name in _names(operand)]
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return []
    raise FormulaInvalid("not_allowed", formula=ast.unparse(node))


def _operands(node: ast.BinOp | ast.UnaryOp) -> list[ast.expr]:
    return [node.left, node.right] if isinstance(node, ast.BinOp) else [node.operand]


def _value(node: Any, measures: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        value = measures[node.id]
        return float("nan") if value is None else value
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    return _OPERATIONS[type(node.op)](*(_value(operand, measures) for operand in _operands(node)))
