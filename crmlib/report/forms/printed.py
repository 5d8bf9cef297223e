"""``report.pdf``: the page as a browser of this computer prints it, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from crmlib.files import replacing, short_folder
from crmlib.words import Words

words = Words(__file__)

SECONDS = 120
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
_ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def browser() -> str:
    """The program that prints: ``CRMLIB_BROWSER``, or the first that is found; empty where there is none."""
    asked = os.environ.get("CRMLIB_BROWSER", "")
    if asked:
        return shutil.which(asked) or ""
    found = (shutil.which(name) for name in (*BROWSERS, *_ELSEWHERE))
    return next((program for program in found if program), "")


def print_page(page: Path, target: Path, *, seconds: int = SECONDS) -> str:
    """Print a page to ``target``, whole or not at all; answers why not, in a sentence, or nothing.

    The size of the paper is the page's own (A4). Nothing that goes wrong here is an error of the run.
    """
    program = browser()
    if not program:
        return words.say("printed.no_browser")
    target.unlink(missing_ok=True)  # a paper of an earlier run must not pass for this one's
    with tempfile.TemporaryDirectory(prefix="crm", dir=short_folder(), ignore_cleanup_errors=True) as profile:
        printed = Path(profile, "printed.pdf")
        command = [
            *(program, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"),
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            *("--no-pdf-header-footer", f"--print-to-pdf={printed}", page.resolve().as_uri()),
        ]
        why = _why_not(command, seconds)
        if not why and not (printed.is_file() and printed.read_bytes()[:5] == b"%PDF-"):
            why = words.say("printed.nothing")
        if why:
            return words.say("printed.failed", why=why)
        with replacing(target) as staged:
            shutil.copyfile(printed, staged)
    return ""


def _why_not(command: list[str], seconds: int) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return words.say("printed.slow", seconds=seconds)
    except OSError as error:
        return error.strerror or type(error).__name__
    return "" if ended.returncode == 0 else words.say("printed.code", code=str(ended.returncode))
