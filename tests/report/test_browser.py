"""The pages of a run in a real browser: both languages, light and dark, from a desk to a small phone, and on paper.

They need Chromium (Debian: ``chromium``); where there is none they are skipped. ``CRMLIB_CHROMIUM`` names another
browser, ``CRMLIB_SCREENSHOTS`` a folder in which the pictures of the pages are kept.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import write_client

BROWSER = os.environ.get("CRMLIB_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium found; on Debian: apt-get install chromium")

HERE = Path(__file__).parent
LANGUAGES = {"en": "en", "zh": "zh-Hans"}
PAGES = ("index.html", "intake.html")
SCREENS = {"desk": 1280, "phone": 390, "small-phone": 360}
PAPER = 695
"""How many CSS pixels an A4 sheet is wide between its margins."""
READABLE = 12.0
"""9 pt in CSS pixels."""
SMALL = 9.3
"""7 pt: the least on paper, in a long picture that a reader has unfolded and that must stand on one sheet."""

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></title><img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    "word" * 60,
    "\u202ename\u202c",
)
NAME = "name: '<script>alert(5)</script></title> & Söhne " + 12 * "GesellschaftMitBeschränkter" + "'\n"


def hostile_orders() -> bytes:
    lines = ["order_id,customer_id,ordered_at,amount,channel,store"]
    for n in range(900):
        said = HOSTILE[n % len(HOSTILE)].replace('"', '""')
        day = dt.date(2024, 1, 1) + dt.timedelta(days=n * 3 // 4)
        lines.append(f'O{n},C{n * 7 % 200},{day},{20 + n % 50},"{said}","{said}"')
    return "\n".join(lines).encode()


def hostile_surveys() -> bytes:
    lines = ["response_id,customer_id,answered_at,kind,score,touchpoint,comment"]
    for n in range(600):
        said = HOSTILE[n % len(HOSTILE)].replace('"', '""')
        lines.append(f'R{n},C{n % 200},{dt.date(2024, 1, 1) + dt.timedelta(days=n)},nps,{n * 3 % 11},"{said}","{said}"')
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=LANGUAGES)
def folder(request, sample_run):
    """The folder of the sample's run in a language."""
    return sample_run(request.param)


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    """The folder of a run on a small client all of whose words are an attack."""
    from crmlib import runner
    from crmlib.words import use

    folder = tmp_path_factory.mktemp("hostile")
    tables = {"orders": hostile_orders(), "surveys": hostile_surveys()}
    for day in ("2025-06-30", "2025-10-31"):  # the later run tells what changed since the earlier
        client = write_client(folder / "client", f"{NAME}as_of: {day}\n", **tables)
        runner.run(client, output=folder / "run", chapters=["01", "08", "13"])
    use()
    return folder / "run"


@pytest.fixture(scope="module")
def portfolio(hostile_run, sample_run, tmp_path_factory):
    """The page over three clients, one of them hostile and one in Chinese."""
    from crmlib.report.forms.portfolio import PORTFOLIO, write_portfolio

    folder = tmp_path_factory.mktemp("portfolio")
    for name, run in {"hostile": hostile_run, "sample": sample_run("en"), "样本": sample_run("zh")}.items():
        (folder / name).mkdir()
        shutil.copy(run / "briefing.json", folder / name)
    write_portfolio(folder)
    return folder / PORTFOLIO


AXE = """async ({pictures, colours}) => {
    const kept = [...document.querySelectorAll(pictures ? "nothing" : "svg[role=img]")].map((svg) => {
        const parts = [...svg.childNodes];
        svg.replaceChildren(...parts.filter((one) => ["title", "desc"].includes(one.localName)));
        return () => svg.replaceChildren(...parts);
    });
    const rules = {"color-contrast": {enabled: colours}};
    const found = await axe.run(document, {resultTypes: ["violations"], rules});
    kept.forEach((restore) => restore());
    return found;
}"""
STYLES = """() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule.media).map((rule) => [rule.media.mediaText, matchMedia(rule.media.mediaText).matches])"""
"""Which rules of style hold, of those that hold on some screens only."""


@dataclass
class Opened:
    """A page as it is shown, and what it asked for and complained of."""

    shown: object
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def unfold(self) -> None:
        self.shown.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")

    def looks(self, least: float = READABLE) -> list[str]:
        return self.shown.evaluate((HERE / "looks.js").read_text(encoding="utf-8"), {"least": least})

    def barriers(self, *, pictures: bool = False, colours: bool = True) -> list[str]:
        """What axe finds: the rule, and the first places that break it.

        It takes minutes over the many parts of a picture, of which it asks nothing that light or width could change:
        looking into them once is enough (``pictures``). Colours take most of the rest.
        """
        import axe_playwright_python

        if self.shown.evaluate("typeof axe") == "undefined":
            source = Path(axe_playwright_python.__file__).parent / "axe.min.js"
            self.shown.evaluate(source.read_text(encoding="utf-8"))
        found = self.shown.evaluate(AXE, {"pictures": pictures, "colours": colours})
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes'][:3]]}"
            for one in found["violations"]
        ]


@pytest.fixture
def opened(browser, request):
    """Open a page from its file, without a network, and keep a picture of it at the end where one is wanted."""
    contexts = []

    def open_page(file: Path, *, width: int = 1280, height: int = 900, scheme: str = "light") -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        contexts.append(context)
        page = Opened(context.new_page())
        page.shown.on("request", lambda one: page.asked.append(one.url))
        page.shown.on("console", lambda one: page.complaints.append(one.text))
        page.shown.on("pageerror", lambda one: page.complaints.append(str(one)))
        page.shown.on("dialog", lambda one: page.complaints.append(f"dialog: {one.message}"))
        page.shown.goto(file.as_uri())
        return page

    yield open_page
    kept = os.environ.get("CRMLIB_SCREENSHOTS")
    name = re.sub(r"[^\w.-]+", "-", request.node.name.removeprefix("test_")).strip("-")
    for place, context in enumerate(contexts):
        for page in context.pages if kept else ():
            page.screenshot(path=Path(kept) / f"{name}{'-' + str(place) if place else ''}.png", full_page=True)
        context.close()


def sheets(page: Opened) -> int:
    """On how many sheets of A4 a page is printed."""
    printed = page.shown.pdf(prefer_css_page_size=True, format="A4")
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_bars_a_reader_nothing_is_cut_and_nothing_is_asked_of_a_network(opened, folder, name, screen, scheme):
    page = opened(folder / name, width=SCREENS[screen], scheme=scheme)
    # Both phones have one style, as the next test shows, and so the same colours.
    colours = screen != "small-phone"
    assert (page.looks(), page.barriers(colours=colours)) == ([], [])
    page.unfold()
    assert (page.looks(), page.barriers(colours=colours)) == ([], [])
    assert page.asked == [(folder / name).as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_every_phone_has_the_same_style(opened, folder, name):
    told = [opened(folder / name, width=SCREENS[screen]).shown.evaluate(STYLES) for screen in SCREENS]
    desk, phone, small = told
    assert phone == small != desk


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_marked_so_that_it_can_be_heard(opened, folder, name):
    page = opened(folder / name)
    shown = page.shown
    page.unfold()
    assert page.barriers(pictures=True) == []
    assert shown.evaluate("document.documentElement.lang") == LANGUAGES[folder.name]
    ranks = shown.evaluate("[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((one) => +one.tagName[1])")
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert [pair for pair in pairwise(ranks) if pair[1] > pair[0] + 1] == []
    tables = shown.evaluate(
        """[...document.querySelectorAll('table')].map((table) => ({
            caption: table.caption?.textContent.trim() || '',
            columns: table.querySelectorAll('thead th[scope=col]').length,
            cells: table.querySelectorAll('thead > tr > *').length,
            rows: [...table.tBodies[0].rows].every((row) => row.querySelector('th[scope=row]')),
        }))"""
    )
    assert tables
    assert [one for one in tables if not (one["caption"] and one["rows"] and one["columns"] == one["cells"])] == []
    links = shown.evaluate(
        "[...document.links].map((one) => [one.ariaLabel || one.textContent.trim(), one.getAttribute('href')])"
    )
    targets: dict[str, set[str]] = {}
    for text, target in links:
        targets.setdefault(text, set()).add(target)
    assert {text: found for text, found in targets.items() if not text or len(found) > 1} == {}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_the_keyboard_finds_the_content_and_the_way_through_the_page(opened, folder, name, screen):
    shown = opened(folder / name, width=SCREENS[screen], height=700).shown
    shown.keyboard.press("Tab")
    box = shown.locator(".skip:focus").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.id") == "main"
    for link in shown.locator("nav a").all():
        target = link.get_attribute("href")
        link.click()
        top, under = shown.evaluate(
            "(id) => [document.querySelector(id).getBoundingClientRect().top,"
            " document.querySelector('nav').getBoundingClientRect()]",
            target,
        )
        assert under["top"] == pytest.approx(0, abs=1), "the way through the page stays in sight"
        assert under["height"] < 100
        assert top >= under["bottom"] - 1 or shown.evaluate("scrollY") == 0, f"{target} begins below the navigation"


def test_page_one_is_one_sheet_and_the_briefing_at_most_six(opened, folder):
    page = opened(folder / "index.html")
    assert sheets(page) <= 6
    page.shown.emulate_media(media="print")
    assert page.shown.evaluate("getComputedStyle(document.querySelector('section')).breakBefore") == "page"
    page.shown.add_style_tag(content="section { display: none !important }")
    assert sheets(page) == 1


FULL = """({words, sign}) => {
    const said = (n) => words ? Array(n).fill("sales").join(" ") : sign.repeat(n);
    document.querySelector("h1").textContent = said(words ? 14 : 28);
    document.querySelector(".lead").textContent = said(words ? 50 : 100);
    document.querySelector(".note")?.remove();
    document.querySelector(".lead").insertAdjacentHTML("afterend", `<p class="note">${said(words ? 25 : 50)}</p>`);
    document.querySelector("ol.do")?.remove();
    const one = (n) => `<li><span class="place">${n}</span>
        <div><h3>${said(words ? 12 : 24)}</h3><p>${said(words ? 25 : 50)}</p></div>
        <div><p><b>Do</b> ${said(words ? 18 : 36)}</p><p class="who">${said(words ? 8 : 16)}</p></div>
        <div class="worth"><b>¥4.33m</b>${said(words ? 5 : 10)}<br><span class="sure">${said(2)}</span></div>
        </li>`;
    [...document.querySelectorAll("h2.first")].at(-1).insertAdjacentHTML(
        "afterend",
        `<p class="how">${said(words ? 20 : 40)}</p><ol class="do">${[1, 2, 3, 4, 5].map(one).join("")}</ol>`
    );
}"""
"""Fills page one with texts that are as long as they may be."""


def test_page_one_is_one_sheet_also_with_the_longest_texts_that_are_allowed(opened, folder):
    page = opened(folder / "index.html")
    page.shown.evaluate(FULL, {"words": folder.name == "en", "sign": "客"})
    page.shown.add_style_tag(content="section { display: none !important }")
    assert sheets(page) == 1


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_all_is_dark_on_white_and_readable(opened, folder, name, scheme):
    page = opened(folder / name, width=PAPER, scheme=scheme)
    page.shown.emulate_media(media="print", color_scheme=scheme)
    assert page.looks() == []
    page.unfold()
    assert page.looks(least=SMALL) == []
    assert page.shown.evaluate("getComputedStyle(document.body).color") == "rgb(27, 39, 51)"
    assert page.shown.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_what_stands_in_hostile_data_runs_nothing_and_breaks_no_page(opened, hostile_run, name, screen):
    page = opened(hostile_run / name, width=SCREENS[screen])
    page.unfold()
    assert page.looks() == []
    assert page.barriers() == []
    assert page.shown.locator("script, iframe, object, embed").count() == 0
    assert page.asked == [(hostile_run / name).as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_portfolio_bars_nobody_at_any_width(opened, portfolio, screen, scheme):
    page = opened(portfolio, width=SCREENS[screen], scheme=scheme)
    assert (page.looks(), page.barriers()) == ([], [])
    assert page.shown.locator("tbody tr").count() == 3
    assert page.asked == [portfolio.as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_portfolio_what_changed_and_the_account_can_be_printed(opened, portfolio, hostile_run, scheme):
    for file in (portfolio, hostile_run / "index.html", hostile_run / "intake.html"):
        page = opened(file, width=PAPER, scheme=scheme)
        page.shown.emulate_media(media="print", color_scheme=scheme)
        assert page.looks() == [], file.name
        assert page.shown.evaluate("getComputedStyle(document.body).color") == "rgb(27, 39, 51)"
    assert sheets(opened(portfolio)) == 1


def test_what_changed_begins_a_sheet_and_is_reached_from_the_navigation(opened, hostile_run):
    page = opened(hostile_run / "index.html", width=SCREENS["phone"])
    assert page.shown.locator("nav a[href='#changed']").count() == 1
    assert page.shown.locator("#changed li").count() >= 1
    page.shown.emulate_media(media="print")
    assert page.shown.evaluate("getComputedStyle(document.querySelector('#changed')).breakBefore") == "page"
