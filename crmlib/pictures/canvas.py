"""Drawing a figure as SVG: text as text, colours as tokens, the same bytes each time.

Heavy: loaded when a picture is drawn.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import matplotlib
import numpy as np
from matplotlib import cbook
from matplotlib.axes import Axes
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.text import Text

from crmlib.pictures.measuring import has_wide, is_wide
from crmlib.pictures.picture import NARROW
from crmlib.pictures.tokens import as_tokens, colour, token, tone_of

FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', 'DejaVu Sans', sans-serif"
)
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}
_RASTER_DPI = 216
_LEAF = 72 * 9.4
"""How high a narrow picture may be to stand on a sheet of paper as it is, in points; a longer one is crm-long."""


@contextmanager
def house_style() -> Iterator[None]:
    """The settings by which pictures are drawn: matplotlib's own and ours, nothing of the user's; undone after."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["DejaVu Sans"],
                "font.size": 10.0,
                # A client's names are text: a dollar sign in one must not start a formula.
                "text.parse_math": False,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.edgecolor": colour("muted"),
                "axes.labelcolor": colour("muted"),
                "axes.labelsize": 9.5,
                "axes.linewidth": 0.8,
                "axes.axisbelow": True,
                "axes.facecolor": "none",
                "figure.facecolor": "none",
                "grid.color": colour("light"),
                "grid.linewidth": 0.7,
                "hatch.linewidth": 0.7,
                "text.color": colour("ink"),
                "xtick.color": colour("muted"),
                "ytick.color": colour("muted"),
                "xtick.labelcolor": colour("ink"),
                "ytick.labelcolor": colour("ink"),
                "xtick.labelsize": 9.5,
                "ytick.labelsize": 9.5,
                "xtick.major.size": 0.0,
                "ytick.major.size": 0.0,
                "xtick.major.pad": 5.0,
                "ytick.major.pad": 6.0,
                "svg.fonttype": "none",
                "svg.hashsalt": "crm",
                "svg.image_inline": True,
            }
        )
        yield


class Sheet(Figure):
    """A figure that knows what is to be placed once the layout is known."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), dpi=72, layout="constrained")
        _Canvas(self)
        self.finishing: list[Callable[[], None]] = []
        self.heads: dict[Axes, float] = {}


class _Renderer(RendererSVG):
    """Writes each line of text as one element, anchored as it is aligned, and clouds of points as masks."""

    _align = "left"
    _family: Any = None

    def open_group(self, s: str, gid: str | None = None) -> None:
        if gid and gid.startswith("align-"):
            self._align, gid = gid.removeprefix("align-"), None
        super().open_group(s, gid)  # type: ignore[no-untyped-call]

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        known, wide = _measurable(s, prop.get_weight())
        width, height, descent = super().get_text_width_height_descent(known, prop, False)  # type: ignore[no-untyped-call]
        if wide:
            letter, *_ = super().get_text_width_height_descent("W", prop, False)  # type: ignore[no-untyped-call]
            width += wide * (1.04 * prop.get_size_in_points() - letter)
        return width, height, descent

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        align = self._align
        if mtext is not None:
            align = mtext.get_ha() if angle == 0 or mtext.get_rotation_mode() == "anchor" else "center"
        width, *_ = self.get_text_width_height_descent(s, prop, False)
        along = width * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
        turned = np.deg2rad(angle)
        x, y = x + along * float(np.cos(turned)), y - along * float(np.sin(turned))
        style = [f"font-size: {prop.get_size_in_points():g}px", f"fill: {matplotlib.colors.to_hex(gc.get_rgb())}"]
        if prop.get_weight() not in ("normal", 400):
            style.append("font-weight: 650")
        if gc.get_alpha() < 1:
            style.append(f"opacity: {gc.get_alpha():.2f}")
        if align != "left":
            style.append(f"text-anchor: {_ANCHORS[align]}")
        turn = {"transform": f"rotate({-angle:g} {x:.2f} {y:.2f})"} if angle else {}
        self.writer.element("text", s, attrib={"x": f"{x:.2f}", "y": f"{y:.2f}", **turn, "style": "; ".join(style)})

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        from PIL import Image

        pixels = np.asarray(im)[::-1]
        height, width = pixels.shape[:2]
        if not (height and width):
            return
        # The points' own colour stands at the fullest pixel; the picture keeps their shape as a mask of that tone.
        fullest = np.unravel_index(int(pixels[:, :, 3].argmax()), (height, width))
        tone = tone_of(*(int(part) for part in pixels[fullest][:3]))
        shape = pixels.copy()
        shape[:, :, :3] = 255
        buffer = io.BytesIO()
        Image.fromarray(shape).save(buffer, format="png")
        oid = "mask" + hashlib.sha256(buffer.getvalue()).hexdigest()[:10]
        wide, high = 72.0 * width / self.image_dpi, 72.0 * height / self.image_dpi
        top = self.height - y - high
        box = {"x": f"{x:.2f}", "y": f"{top:.2f}", "width": f"{wide:.2f}", "height": f"{high:.2f}"}
        self.writer.start("mask", attrib={"id": oid, "maskUnits": "userSpaceOnUse", **box})
        data = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
        self.writer.element("image", attrib={"xlink:href": data, **box})
        self.writer.end("mask")
        self.writer.element("rect", attrib={**box, "mask": f"url(#{oid})", "style": f"fill: {colour(tone)}"})


class _Canvas(FigureCanvasSVG):
    """Also the layout asks this canvas for its renderer, so that it measures as is drawn."""

    def print_svg(self, filename: Any, **_options: Any) -> None:
        width, height = self.figure.get_size_inches()
        renderer_kind: Any = _Renderer
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        stream: Any
        with cbook.open_file_cm(filename, "w", encoding="utf-8") as stream:
            if not cbook.file_requires_unicode(stream):
                stream = codecs.getwriter("utf-8")(stream)
            vector: Any = renderer_kind(72 * width, 72 * height, stream, image_dpi=_RASTER_DPI, metadata=nothing)
            renderer: Any = MixedModeRenderer(self.figure, width, height, _RASTER_DPI, vector)
            self.figure.draw(renderer)
            renderer.finalize()


@lru_cache(maxsize=4096)
def _measurable(words: str, weight: Any) -> tuple[str, int]:
    """The text with letters that the font has for those that it has not, and how many of them are wide."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))
    among, wide, known = has_wide(words), 0, []
    for sign in words:
        if is_wide(sign, among_wide=among):
            wide += 1
            known.append("W")
        else:
            known.append(sign if font.get_char_index(ord(sign)) else "n")
    return "".join(known), wide


def written(sheet: Sheet, *, label: str, paper: bool) -> str:
    """The figure as one ``<svg>`` element; the house style must be on."""
    layout = sheet.get_layout_engine()
    if sheet.axes and layout is not None:
        layout.execute(sheet)
    sheet.set_layout_engine("none")
    for finish in sheet.finishing:
        finish()
    for words in sheet.findobj(Text):
        if isinstance(words, Text) and "\n" in words.get_text():
            words.set_gid("align-" + _line_alignment(words))
    buffer = io.StringIO()
    cast(_Canvas, sheet.canvas).print_svg(buffer)
    width, height = (float(inches) * 72 for inches in sheet.get_size_inches())
    body = buffer.getvalue()
    body = body[body.index(">", body.index("<svg")) + 1 : body.rindex("</svg>")]
    return _page_ready(body, width=width, height=height, label=label, paper=paper)


def _line_alignment(words: Text) -> str:
    if words.get_rotation():
        return "center"
    return str(getattr(words, "_multialignment", None) or words.get_horizontalalignment())


def _page_ready(body: str, *, width: float, height: float, label: str, paper: bool) -> str:
    body = re.sub(r'\s(?:d|transform|x|y|width|height|style|points)="[^"]*"', _rounded, body)
    body = re.sub(r'\sstyle="[^"]*"', lambda found: as_tokens(found[0]), body)
    body = re.sub(r'<g id="(crm-[a-z-]+)">', r'<g class="\1">', body)
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    # Ids are the picture's own, since several stand on one page, and made of what is seen: matplotlib's hold the last
    # digits of where things stand, which differ from run to run.
    places = {name: f"-{place}" for place, name in enumerate(sorted(used, key=body.index))}
    body = re.sub(r'(id="|url\(#|xlink:href="#)([^")]+)', lambda f: f[1] + places.get(f[2], f[2]), body)
    own = "c" + hashlib.sha256(body.encode()).hexdigest()[:8]
    body = re.sub(r'(id="|url\(#|xlink:href="#)(-\d+)(?=[")])', lambda f: f[1] + own + f[2], body)
    sheet = f'<rect width="100%" height="100%" style="fill: {token("paper")}"/>' if paper else ""
    kind = "crm-picture crm-long" if height > _LEAF and width <= 72 * NARROW else "crm-picture"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="{kind}" '
        f'role="img" aria-label={quoteattr(label)} viewBox="0 0 {width:g} {height:g}" '
        f'width="{width * 96 / 72:.0f}" height="{height * 96 / 72:.0f}" '
        f'style="max-width: 100%; height: auto; font-family: {FONTS}">{sheet}{body.strip()}</svg>\n'
    )


def _rounded(found: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}(?:e-?\d+)?|-?\d+(?:\.\d+)?e-\d+", lambda number: _short(float(number[0])), found[0])


def _short(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
