"""The client's logo and colour on its page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from crmlib.client import Client, picture_type
from crmlib.pictures.tokens import contrast

READABLE = 4.5
_PAPER = {"light": "#ffffff", "dark": "#141a20"}


@dataclass(frozen=True)
class Brand:
    """A logo as the source of an image, and a style that puts the client's colour in the main one's place."""

    logo: str = ""
    style: str = ""


def brand(client: Client) -> Brand:
    """What the client's settings say of logo and colour, as a page takes it.

    On dark pages the colour is used only where it can be read there, too.
    """
    logo = ""
    file = client.beside(client.logo)
    if file is not None:
        content = file.read_bytes()
        logo = f"data:image/{picture_type(content)};base64,{base64.b64encode(content).decode('ascii')}"
    style = ".logo { display: block; max-height: 2.75rem; max-width: 12rem; margin: 0 0 .5rem; }\n" if logo else ""
    if client.colour:
        main = f"--main: {client.colour}"
        dark = f":root {{ {main}; }}" if contrast(client.colour, _PAPER["dark"]) >= READABLE else ""
        light = f"@media screen and (prefers-color-scheme: light), print {{ :root {{ {main}; }} }}\n"
        style += light + (f"@media screen and (prefers-color-scheme: dark) {{ {dark} }}\n" if dark else "")
    return Brand(logo, style)
