"""A person approves a wave in Airflow's own page."""

from playwright.sync_api import sync_playwright

from tests.fleet.engine import PASSWORD, until
from tests.fleet.fleet import Fleet


def test_a_wave_is_approved_in_the_browser(fleet: Fleet) -> None:
    engine = fleet.airflow
    fleet.break_("code", "a")
    bad = fleet.heads()
    run = engine.trigger("fleet_once", by="anna", leave_out=["b", "c"])
    until("the question", lambda: engine.state("fleet_once", run, "wave_1.approve") == "awaiting_input" or None, 300)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(120_000)
        page.goto(engine.url)
        page.get_by_label("Username").fill("ben")
        page.locator("input[type=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{engine.url}/required_actions?dag_id_pattern=fleet_once")
        page.get_by_role("link", name="may wave 1 of 3 begin?").last.click()
        page.get_by_text("Wave 1: a").wait_for()
        page.get_by_role("button", name="Approve").click()
        until("the answer", lambda: engine.state("fleet_once", run, "wave_1.approve") == "success" or None)
        browser.close()
    assert engine.ended("fleet_once", run) == "success"
    assert fleet.heads()["a"] != bad["a"]
    assert "approved by ben at 20" in fleet.records("a")[0]["because"]
