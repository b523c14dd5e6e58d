"""The rows of readiness about the stock of images."""

from rollback_lib.facts import copies
from rollback_lib.facts.schedules import Cleanup
from rollback_lib.host.ending import Ending
from rollback_lib.procedures.common.readiness import REMEMBER, Tried
from rollback_lib.procedures.readiness.stock import Stock, of_stock, stocked
from tests.builders.stack import STACK
from tests.builders.told import Told

API = f"{STACK.kept_images}agents-api:"
PRUNES = Cleanup("/etc/cron.d/prune", "docker image prune -af")
SWEEPS = Cleanup("/etc/cron.weekly/sweep", "docker system prune -af")


def test_what_a_container_holds_is_told_from_what_a_service_uses_and_from_what_is_loose() -> None:
    images = [copies.Image("1", (f"{API}aaa", f"{API}before-abcdef"), 1, None), copies.Image("2", (f"{API}bbb",), 1, None),
              copies.Image("3", (f"{API}ccc",), 1, None)]  # fmt: skip
    containers = f'{{"Image":"1","Holds":"{STACK.name}"}}\n{{"Image":"2","Holds":null}}\n{{"Image":"3","Holds":"another"}}\n'
    host = Told(("docker ps --all", containers), ("prune", (PRUNES,)), (STACK.kept_images, images))
    assert stocked(host, STACK) == Stock((f"{API}aaa",), (f"{API}bbb",), (f"{API}ccc",), (PRUNES,))


def test_a_loose_image_is_named_with_whatever_would_remove_it() -> None:
    kept, prunes, sweeps = of_stock(Stock((f"{API}aaa",), (), (f"{API}ccc",), (PRUNES, SWEEPS)), {})
    assert [one.level for one in (kept, prunes, sweeps)] == ["amber", "amber", "amber"]
    assert f"would remove {API}ccc" in kept.found
    assert "--apply" in kept.do
    assert f"{API}aaa" not in prunes.found
    assert f"{API}aaa" in sweeps.found
    assert "label!=rollback.holds" in sweeps.do


def test_what_was_held_by_this_run_is_green() -> None:
    (row,) = of_stock(Stock((), (), (f"{API}ccc",), ()), {REMEMBER: Tried(Ending.exited(0), 1.0, "")})
    assert row.level == "green"


def test_images_that_are_held_are_green_and_a_prune_of_images_is_harmless() -> None:
    assert {one.level for one in of_stock(Stock((f"{API}aaa",), (f"{API}bbb",), (), (PRUNES,)), {})} == {"green"}
