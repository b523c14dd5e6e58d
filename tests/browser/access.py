"""What axe-core finds on a page: what it lacks for those who use a keyboard, a screen reader, or need contrast."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def lacking(page: Page, *parts: str) -> list[str]:
    """A sentence for each rule that the page breaks; or only these parts of it, as CSS selectors."""
    found = Axe().run(page, context={"include": [[part] for part in parts]} if parts else None).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]
