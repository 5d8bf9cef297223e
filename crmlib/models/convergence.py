"""Why a model of orders found no maximum, in words: what the parameters ran to means, and which data made them run."""

from __future__ import annotations

from collections.abc import Mapping

from crmlib.models.customer_base import CustomerBase

# What it means if these parameters, and not the second ones, run to these ends; the first line that fits is told.
MEANINGS: tuple[tuple[dict[str, str], tuple[str, ...], str], ...] = (
    ({"r": "infinity", "alpha": "infinity"}, (), "customers hardly differ in how often they order"),
    ({"r": "infinity"}, ("alpha",), "customers hardly differ in how often they order"),
    ({"r": "0"}, (), "a few customers order very often and nearly all others never"),
    ({"a": "infinity", "b": "infinity"}, (), "customers hardly differ in their chance to leave after an order"),
    ({"a": "0", "b": "0"}, (), "some customers leave after an order for sure and all others never leave"),
    ({"a": "0"}, ("b",), "hardly anybody leaves"),
    ({"a": "0", "b": "infinity"}, (), "hardly anybody leaves"),
    ({"b": "infinity"}, ("a",), "hardly anybody leaves"),
    ({"a": "infinity"}, ("b",), "nearly everybody leaves at the first occasion"),
    ({"b": "0"}, ("a",), "nearly everybody leaves at the first occasion"),
    ({"s": "infinity", "beta": "infinity"}, (), "customers hardly differ in how soon they leave"),
    ({"s": "0", "beta": "0"}, (), "some customers leave at once and all others never leave"),
    ({"s": "0"}, (), "hardly anybody leaves"),
    ({"beta": "infinity"}, ("s",), "hardly anybody leaves"),
    ({"beta": "0"}, ("s",), "nearly everybody leaves at once"),
    ({"s": "infinity"}, ("beta",), "nearly everybody leaves at once"),
)


def meaning(runs_to: Mapping[str, str]) -> str:
    """What it says of customers that these parameters run to 0 or infinity; empty if nothing is known of it.

    >>> meaning({"r": "infinity", "alpha": "infinity", "a": "0"})
    'customers hardly differ in how often they order (r and alpha run to infinity); hardly anybody leaves (a runs to 0)'
    """
    told: set[str] = set()
    said = []
    for ends, without, words in MEANINGS:
        fits = all(runs_to.get(symbol) == end for symbol, end in ends.items())
        if fits and not told & set(ends) and not set(without) & set(runs_to):
            told |= set(ends)
            said.append(f"{words} ({_movements(ends)})")
    return "; ".join(said)


def _movements(ends: Mapping[str, str]) -> str:
    together: dict[str, list[str]] = {}
    for symbol, end in ends.items():
        together.setdefault(end, []).append(symbol)
    return ", ".join(
        f"{' and '.join(symbols)} {'run' if len(symbols) > 1 else 'runs'} to {end}" for end, symbols in together.items()
    )


def in_words(base: CustomerBase, unit: str) -> str:
    """The customers of whom no model could be made: how many, how many came back, how long, and the heaviest buyer.

    >>> import numpy as np
    >>> base = CustomerBase(np.array([0.0, 4.0]), np.array([0.0, 6.0]), np.array([9.0, 8.0]), np.array([3.0, 1.0]),
    ...                     np.empty(0))
    >>> in_words(base, "weeks")
    '4 customers, of whom 1 (25.0 %) bought again, seen for up to 9 weeks; the heaviest buyer has x = 4, t_x = 6, T = 8'
    """
    customers, came_back = float(base.customers.sum()), float(base.customers[base.x > 0].sum())
    heaviest = int(base.x.argmax())
    return (
        f"{customers:.0f} customers, of whom {came_back:.0f} ({came_back / customers:.1%}) bought again, seen for up "
        f"to {base.T.max():g} {unit}; the heaviest buyer has x = {base.x[heaviest]:.0f}, "
        f"t_x = {base.t_x[heaviest]:g}, T = {base.T[heaviest]:g}"
    ).replace("%)", " %)")
