"""Every link of every page leads somewhere, and every page is led to."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from rollback_lib.settings import PROJECT
from tests.unit.docs.pages import anchors, links, pages

PAGES = pages()
LARGEST = 200_000  # bytes of a picture


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def inner(page: Path) -> list[tuple[str, Path, str]]:
    """The links of a page that stay in the project: each as written, with its file and its anchor."""
    found = []
    for link in links(page):
        if "://" not in link and not link.startswith("mailto:"):
            path, _, anchor = unquote(link).partition("#")
            found.append((link, (page.parent / path).resolve() if path else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link, file, anchor in inner(page):
        assert file.exists(), f"{name(page)}: {link}"
        assert file.is_relative_to(PROJECT), f"{name(page)}: {link} leads out of the project"
        assert not anchor or anchor in anchors(file), f"{name(page)}: {link}: there is no such heading"


def test_links_are_found_where_they_are() -> None:
    assert ("README.md", "docs/README.md") in {(name(page), name(file)) for page in PAGES for _, file, _ in inner(page)}
    assert sum(len(inner(page)) for page in PAGES) > 100


def test_every_page_of_docs_is_reached_from_its_index() -> None:
    seen, left = set(), [PROJECT / "docs" / "README.md"]
    while left:
        page = left.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            left += [file for _, file, _ in inner(page)]
    assert [name(page) for page in PAGES if page.is_relative_to(PROJECT / "docs") and page not in seen] == []


@pytest.mark.parametrize("picture", sorted((PROJECT / "docs" / "pictures").iterdir()), ids=lambda file: file.name)
def test_every_picture_is_small_and_shown_with_words(picture: Path) -> None:
    assert picture.stat().st_size < LARGEST
    shown = [page for page in PAGES if any(file == picture for _, file, _ in inner(page))]
    assert shown
    for page in shown:
        before = page.read_text().partition(f"]({_from(page, picture)})")[0]
        assert len(before.rpartition("![")[2]) > 20, f"{name(page)}: {picture.name} has no words for whoever cannot see it"


def _from(page: Path, file: Path) -> str:
    return next(link for link, found, _ in inner(page) if found == file)
