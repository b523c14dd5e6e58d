"""The bench still works: a round of its quickest cases, with the host some way off, and the tables made of them."""

from pathlib import Path

from bench import readme
from bench.measure import measured
from bench.results import Machine, Results
from bench.rollbacks import OURS, PAGE
from bench.site import site
from tests.machine import Machine as Host

AWAY = 40.0  # milliseconds


def test_a_round_of_the_quickest_cases(clean: Host, tmp_path: Path) -> None:
    file, page = tmp_path / "results.json", tmp_path / "README.md"
    results = Results(machine=Machine.this())
    with site(clean.host, AWAY) as place:
        for case in ("start", "caddyfile"):  # the first changes nothing
            results = results.with_part(measured(case, place, AWAY, 1))
    results.save(file)
    page.write_text("<!-- rollbacks -->\n<!-- / -->\n<!-- start -->\n<!-- / -->\n")
    readme.main(file, page)

    caddyfile, start = (Results.load(file).part(case, AWAY) for case in ("caddyfile", "start"))
    assert caddyfile
    assert start
    for contender in (PAGE, OURS):
        (seconds,), (round_trips,) = (caddyfile.figures(contender, name) for name in ("seconds", "round_trips"))
        assert 1 < round_trips < seconds / (AWAY / 1000)  # nobody waits for more round trips than there is time for
    (first_cell,), (whole,) = (start.figures("rollback run code", name) for name in ("first_cell", "seconds"))
    assert 0 < first_cell < whole
    (line,) = [line for line in page.read_text().splitlines() if line.startswith("| Caddyfile")]
    assert line.split(" | ")[4:6] == [f"{caddyfile.figures(name, 'seconds')[0]:.2f}" for name in (PAGE, OURS)]
