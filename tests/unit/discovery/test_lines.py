"""What is written loads to what was found, whatever things are called on a host."""

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rollback_lib.discovery.lines import Entry, Line, Missing, Note, Section, Sections, plain, text

words = st.text(max_size=30) | st.sampled_from(
    ["yes", "null", "1e3", "0x1F", "2026-01-01", "a: b", "a #b", "- x", "'\"", "*a", "&a", "~", "=", "é\n# x"]
)
values = words | st.booleans() | st.lists(words, max_size=3).map(tuple)
comments = st.builds(Missing, words, words) | st.builds(Note, words)


def sections(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Section]:
    """Each key once."""
    lines = st.lists(st.builds(Entry, words, inner, words, words) | comments, max_size=4)
    return lines.map(lambda some: Section(tuple({getattr(one, "key", number): one for number, one in enumerate(some)}.values())))


nested = st.recursive(values, lambda inner: sections(inner) | st.lists(sections(inner), max_size=3).map(lambda some: Sections(tuple(some))))


@given(sections(nested))
@example(Section((Entry("stack", Section((Missing("routes\n: none", "routes:\n  - {name: x}"),))),)))
@example(Section((Entry("a", "x" * 200, "somewhere\r\nelse"),)))
@example(
    Section((Entry("routes", Sections((Section((Note("first"), Entry("name", "a"), Missing("ca", "ca: FILE"))), Section((Note("x"),))))),))
)
def test_what_is_written_loads_to_what_was_found(section: Section) -> None:
    lines: list[Line] = list(section.lines)
    assert (yaml.safe_load(text(lines)) or {}) == plain(lines)


def test_each_value_says_where_it_was_found() -> None:
    lines = [
        Entry("tree", "/opt/shop", "the git work tree of /opt/shop/docker"),
        Missing("routes: no proxy", 'routes:\n  - {name: NAME, url: "https://HOST/health"}'),
        Entry("databases", Sections((Section((Entry("name", "shop"), Entry("backups", "/backup/shop-*", "", "by its name"))),))),
        Entry("redeploy", Section((Note("none"),))),
    ]
    assert text(lines).splitlines() == [
        "tree: /opt/shop  # the git work tree of /opt/shop/docker",
        "# not found: routes: no proxy",
        "# routes:",
        '#   - {name: NAME, url: "https://HOST/health"}',
        "databases:",
        "  - name: shop",
        "    backups: /backup/shop-*  # guess: by its name",
        "# redeploy:",
        "#   none",
    ]
