"""The worked examples as GitHub and nbviewer show them, by their rules, in a real browser. This takes the pictures of both."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from nbconvert.preprocessors.sanitize import SanitizeHTML
from playwright.sync_api import Page, expect, sync_playwright
from traitlets.config import Config

from rollback_lib.settings import PROJECT
from tests.browser.pictures import Pictures
from tests.browser.test_jupyterlab import CHROMIUM, SHOTS

# What GitHub leaves of HTML (https://github.com/gjtorikian/html-pipeline, SanitizationFilter): these tags, and no style.
TAGS = [
    "h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code", "img", "tt", "div", "ins", "del",
    "sup", "sub", "p", "ol", "ul", "table", "thead", "tbody", "tfoot", "blockquote", "dl", "dt", "dd", "kbd", "q", "samp",
    "var", "hr", "li", "tr", "td", "th", "s", "strike", "summary", "details", "caption", "figure", "figcaption", "abbr",
    "cite", "dfn", "mark", "small", "span", "time", "wbr",
]  # fmt: skip
LEFT = {"a": ["href"], "img": ["src", "alt"], "details": ["open"], "*": ["title", "role", "aria-label", "tabindex"]}
KEPT = {"metadata", "text/plain", "image/png", "image/svg+xml"}
GITHUB = Config(SanitizeHTML={"enabled": True, "tags": TAGS, "attributes": LEFT, "strip": True, "safe_output_keys": KEPT})
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>
<style>
body {{ font: 15px sans-serif; margin: 1em 2em }} pre {{ white-space: pre-wrap }} .input_area pre {{ background: #f6f8fa; padding: 8px }}
.prompt {{ color: #666; font: 12px monospace }} table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #d0d7de; padding: 3px 8px; text-align: left }}
</style>{body}"""


@pytest.fixture
def page() -> Iterator[Page]:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield browser.new_page(viewport={"width": 1000, "height": 1000}, java_script_enabled=False)
        browser.close()


def github(notebook: Path) -> str:
    body, _ = HTMLExporter(template_name="basic", config=GITHUB, preprocessors=[SanitizeHTML]).from_filename(str(notebook))
    return PAGE.format(name=notebook.stem, body=body)


def nbviewer(notebook: Path) -> str:
    return str(HTMLExporter(template_name="classic").from_filename(str(notebook))[0])


@pytest.mark.parametrize("shown", [github, nbviewer], ids=lambda one: one.__name__)
def test_a_notebook_reads_the_same_without_scripts_styles_and_widgets(
    shown: Callable[[Path], str], page: Page, tmp_path: Path, pictures: Pictures
) -> None:
    file = tmp_path / "notebook.html"
    file.write_text(shown(PROJECT / "notebooks" / "01_code.ipynb"))
    page.goto(f"file://{file}")
    body = page.locator("body")
    for said in ("Not healthy: agents-api.", "what will happen", "Verified: the effect is the one asked for", "Verdict: succeeded."):
        expect(body).to_contain_text(said)
    expect(page.locator("svg, img[src^='data:image/svg']").first).to_be_visible()
    page.screenshot(path=SHOTS / f"{shown.__name__}.png", full_page=True)
    pictures.take(shown.__name__, page.locator(".output, .jp-OutputArea").filter(has_text="Verified: the effect is the one").first)
