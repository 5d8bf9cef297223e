"""What is drawn where there is nothing to draw: the reason."""

from __future__ import annotations

from typing import Any

from crmlib import figures


def nothing_to_show(title: str, reason: str) -> Any:
    """An empty figure that says why it is empty; answers the Axes."""
    import textwrap

    axes = figures.new_axes(8.0, 1.6)
    axes.axis("off")
    axes.text(0.5, 0.5, textwrap.fill(reason, 90), ha="center", va="center", color=figures.COLOURS["muted"])
    return figures.caption(axes, title=title, reading=reason, description=reason)
