"""What must be true of any report page, as a list of what is wrong with it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

OWN_PAGES = ("intake.html",)
"""Pages that a run writes beside its report."""
OF_PICTURES = "*{stroke-linejoin: round; stroke-linecap: butt}"
"""What each drawn picture says of its lines."""


class Page(HTMLParser):
    """The visible text, the tags and their attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "script")

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)


def problems(html: str) -> list[str]:
    """Scripts, network references, images without a text, dead anchors, and numbers that are none."""
    page = Page(html)
    found = []
    anchors = {attributes.get("id") for _, attributes in page.tags}
    for tag, attributes in page.tags:
        if tag in ("script", "iframe", "object", "embed", "link", "base"):
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name.startswith("on"):
                found.append(f"event {name}")
            if name in ("src", "href", "srcset", "action", "poster", "data") and value:
                if value.startswith("#"):
                    found += [f"dead anchor {value}"] if value[1:] not in anchors else []
                elif value not in OWN_PAGES and not re.match(r"lists/\w+\.xlsx$|data:image/(png|jpeg);base64,", value):
                    found.append(f"{name}={value[:60]}")
        if tag == "img" and attributes.get("class") != "logo" and len(attributes.get("alt") or "") < 30:
            found.append(f"image without a text alternative: {attributes.get('alt')!r}")
    styles = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    if any(re.search(r"url\(|@import|https?:", style) for style in styles):
        found.append("style loads something")
    if len([style for style in styles if style != OF_PICTURES]) > 1:
        found.append("more than one style element")
    found += [
        f"number that is none: {m.group(0)!r}"
        for m in re.finditer(r".{0,30}\b(nan|NaN|None(?! of| in the)|NaT|inf|<NA>)\b.{0,20}", page.text)
    ]
    found += [f"unfilled: {m.group(0)!r}" for m in re.finditer(r"\{\w*\}", page.text)]
    return found
