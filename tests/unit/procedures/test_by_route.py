"""The difference between two Caddyfiles is told site by site, and nothing of it is left out."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.procedures.caddyfile.by_route import blocks, difference

OLD = """{
    admin off
}

api.example {
    reverse_proxy api:8000
    encode gzip
}

shop.example {
    reverse_proxy shop:80
}
""".splitlines()
LINES = st.lists(
    st.sampled_from(["a.example {", "b.example {", "(snippet) {", "{", "}", "    handle /x {", "    }", "    respond 1", "# {", ""])
)


def told(old: list[str], new: list[str]) -> list[str]:
    return difference(old, new, "on the host now", "3f2a9c1")


def test_each_site_has_a_part_with_its_address() -> None:
    new = [line.replace("api:8000", "api:9000").replace("shop:80", "shop:81") for line in OLD]
    found = told(OLD, new)
    assert found[:2] == ["--- on the host now", "+++ 3f2a9c1"]
    assert [line for line in found if line.startswith("@@")] == ["@@ -5,4 +5,4 @@ api.example", "@@ -10,3 +10,3 @@ shop.example"]
    assert [line for line in found[2:] if line[0] in "+-"] == [
        "-    reverse_proxy api:8000", "+    reverse_proxy api:9000", "-    reverse_proxy shop:80", "+    reverse_proxy shop:81",
    ]  # fmt: skip


def test_a_site_that_goes_one_that_comes_and_the_global_options() -> None:
    new = [*OLD[:1], "    admin on", *OLD[2:9], "new.example {", "    respond 200", "}"]
    heads = [line.rpartition("@@ ")[2] for line in told(OLD, new) if line.startswith("@@")]
    assert set(heads) == {"outside of a site", "shop.example", "new.example"}
    assert told(OLD, OLD) == []


def test_sites_in_another_order_differ() -> None:
    assert [line for line in told(["a {", "}", "b {", "}"], ["b {", "}", "a {", "}"]) if line[0] in "+-"][2:] != []


@given(LINES, LINES)
def test_no_line_is_left_out(old: list[str], new: list[str]) -> None:
    for lines in (old, new):
        assert [line for block in blocks(lines) for line in block.lines] == lines
    found = told(old, new)[2:]
    assert bool(found) == (old != new)
    gone, come = (Counter(line[1:] for line in found if line[0] == sign) for sign in "-+")
    assert Counter(old) - gone + come == Counter(new)
