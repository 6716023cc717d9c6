"""A page in a real browser, offline, with everything that it must not do on record."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from reports.html import render_report
from reports.report_data import ReportData

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium() -> str:
    named = os.environ.get("CXR_HARNESS_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found or not Path(found).exists():
        pytest.fail(
            "No Chromium to test the page in. Install it (`apt-get install chromium`), or name "
            "its program in CXR_HARNESS_CHROMIUM."
        )
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        yield running
        running.close()


class Opened:
    """A page with everything that it must not do on record."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.trouble: list[str] = []
        page.on("console", lambda message: self.trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.trouble.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("popup", lambda _: self.trouble.append("popup"))

    def _dialog(self, dialog: Any) -> None:
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if request.url.split("#")[0] != self.address and not request.url.startswith("data:image/"):
            self.trouble.append(f"request: {request.url[:80]}")


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    opened: list[Opened] = []

    def open_it(data: ReportData, fragment: str = "", width: int = 1440, **settings: Any) -> Page:
        path = tmp_path / "report.html"
        path.write_bytes(render_report(data).encode("utf-8"))
        viewport = {"width": width, "height": 900}
        context = browser.new_context(offline=True, viewport=viewport, **settings)  # type: ignore[arg-type]
        page = context.new_page()
        opened.append(Opened(page, path.as_uri()))
        page.goto(path.as_uri() + fragment)
        return page

    yield open_it
    for one in opened:
        assert [] == one.trouble
        one.page.context.close()


_CONTRAST = """(selector) => {
  const node = document.querySelector(selector);
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const over = [];
  for (let n = node; n; n = n.parentElement) over.unshift(getComputedStyle(n).backgroundColor);
  const paint = (colours) => {
    for (const c of colours) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }
    const light = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => {
      const s = v / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  };
  const ground = paint(over);
  const ink = paint([...over, getComputedStyle(node).color]);
  return (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
}"""


def contrast(page: Page, selector: str) -> float:
    value: float = page.evaluate(_CONTRAST, selector)
    return value
