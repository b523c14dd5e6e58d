"""A second person at one incident, in a real JupyterLab: the start page shows what somebody else does, live."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_jupyterlab import SHOTS, outputs, page, run_all  # noqa: F401
from tests.browser.test_opening import opened
from tests.faults import thaw
from tests.machine import Machine


@pytest.mark.whole
def test_the_start_page_shows_what_somebody_else_does(broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    with broken.stopped_in("code", "recreate", 1, "-p", "reason=500s since 03:02") as scene:
        with opened(broken, tmp_path) as address:
            page.goto(address)
            panel = outputs(page, "start.at_work(stack)")
            expect(panel).to_contain_text("You only watch.")  # nobody has to run the cell
            expect(panel).to_contain_text("500s since 03:02")
            expect(panel).to_contain_text("Recreate agents-api")
            expect(panel).to_contain_text(re.compile(r"\d s so far"))
            expect(panel.get_by_role("button", name="Stop watching")).to_be_visible()
            expect(panel.get_by_role("button", name=re.compile("Stop after|Cut"))).to_have_count(0)
            panel.scroll_into_view_if_needed()
            page.screenshot(path=SHOTS / "follow-1.png")
            thaw(scene)
            out, err = scene.run.communicate(timeout=60)
            assert scene.run.returncode == 0, out + err
            expect(panel).to_contain_text("It has ended: succeeded, ")
            panel.scroll_into_view_if_needed()
            page.screenshot(path=SHOTS / "follow-2.png")
        assert broken.health()[0] == 200


@pytest.mark.whole
def test_triage_shows_what_somebody_else_does_before_it_offers_anything(broken: Machine, page: Page, tmp_path: Path) -> None:  # noqa: F811
    with broken.stopped_in("code", "recreate", 1) as scene, opened(broken, tmp_path, "triage") as address:
        page.goto(address)
        run_all(page)
        offered = outputs(page, "offer(run, found, stack)")
        expect(offered).to_contain_text("You only watch.")
        expect(offered).to_contain_text("Recreate agents-api")
        expect(offered).to_contain_text("the code rollback")
        page.screenshot(path=SHOTS / "follow-3.png")
        thaw(scene)
        scene.run.communicate(timeout=60)
        expect(offered).to_contain_text("It has ended: succeeded, ")
