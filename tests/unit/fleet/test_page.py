"""The fleet page: what the plans have in common, what differs, and who is in the way."""

from rollback_lib.fleet.differences import groups
from rollback_lib.fleet.page import Page
from rollback_lib.fleet.tally import Tally
from tests.builders.fleet import outcome

PLANS = [
    outcome("planned", "a", losses=["in the tree, changed (1): server.py"]),
    outcome("planned", "b", losses=["in the tree, changed (1): server.py", "uncommitted: <x>.py"]),
    outcome("planned", "c", target="3c9dde366ad5", shell="docker compose up -d\ndocker network connect <other>\n"),
    outcome("locked", "d"), outcome("unreachable", "e", reason="no answer | from `host-e`"), outcome("nothing to do", "f"),
]  # fmt: skip
PAGE = Page("code on 6 stacks: the plans", "Nothing was changed.", Tally.of(PLANS, total=6), {PLANS[0].stack: 1, PLANS[1].stack: 2})


def test_plans_with_the_same_commands_and_target_are_one_group_the_largest_first() -> None:
    first, second = groups(PLANS)
    assert ([one.name for one in first.outcomes], first.differs) == (["shop-a", "shop-b"], ())
    assert (second.name, second.differs) == ("B", ("+docker network connect <other>",))


def test_beyond_z_there_are_two_letters() -> None:
    many = [outcome("planned", str(number), shell=f"echo {number}") for number in range(28)]
    assert [group.name for group in groups(many)][25:] == ["Z", "AA", "AB"]


def test_the_page_shows_every_stack_and_escapes_what_hosts_say() -> None:
    page = PAGE.html()
    assert "3 planned, 1 nothing to do, 1 locked, 1 unreachable, of 6 stacks." in page
    assert "Plan A: 2 stacks" in page
    assert "uncommitted: &lt;x&gt;.py (1 of 2)" in page
    assert "docker network connect &lt;other&gt;" in page
    assert "<other>" not in page


def test_the_question_names_the_plans_and_who_is_in_the_way() -> None:
    said = PAGE.markdown("/fleet/plan.html")
    assert "| A | a, b | `b6d91b1719b4` | build |" in said
    assert "| d | locked | ben holds the stack |" in said
    assert r"| e | unreachable | no answer \| from \`host-e\` |" in said
    assert "/fleet/plan.html" in said


def test_the_question_stays_short_however_many_are_in_the_way() -> None:
    ill = [outcome("locked", str(number)) for number in range(500)]
    said = Page("", "", Tally.of(ill, total=500), {}).markdown("/x")
    assert len(said.splitlines()) < 60
    assert "460 more on the fleet page" in said
