"""Rollbacks in turn: how long each contender takes, and how long users get no answer meanwhile."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.peers import CONFIRMED
from bench.results import Taken
from bench.site import Site
from lab.traffic import Traffic
from rollback_lib.stack.model import Stack

PAGE, OURS = "page", "rollback"  # the two contenders that every case has


@dataclass(frozen=True)
class Rollback:
    """A rollback, and the shell scripts for the host that make it needed again.

    `before` runs before every round, `prepare` once before them all. `scenario` is made first, if there is one. `told` is asked of the
    clean host, for a word that the page's script needs. With `everybody`, other tools take part. With `kept`, this project rolls back
    once before the rounds, so that the host has the target's image. With `marked`, what runs is marked as known good before it is
    broken.
    """

    procedure: str
    scenario: str
    before: str
    prepare: str = ""
    told: str = ""
    everybody: bool = False
    kept: bool = False
    marked: bool = False

    def made(self, site: Site) -> dict[str, list[str]]:
        """Break the host. Returns the contenders: their commands by name, the page's first."""
        words = [site.host.exec(self.told)] if self.told else []
        contenders = {
            PAGE: site.peers.page(self.procedure, *words),
            OURS: site.peers.rollback("run", self.procedure, *CONFIRMED),
            **(site.peers.others() if self.everybody else {}),
        }
        if self.marked:
            site.run(site.peers.rollback("mark"))
        if self.scenario:
            site.host.break_(self.scenario)
        if self.prepare:
            site.host.exec(self.prepare)
        if self.kept:
            site.run(contenders[OURS])
        return contenders


def in_turn(rollback: Rollback, site: Site, rounds: int) -> Iterator[Taken]:
    """How long each contender takes. The first round only warms caches."""
    contenders = rollback.made(site)
    for number in range(rounds + 1):
        for name, words in contenders.items():
            site.host.exec(rollback.before)
            taken = site.run(words)
            if number:
                yield name, taken


@dataclass(frozen=True)
class Users:
    """Requests, `per_second` of them, over `routes`; over all if there are none. An answer with the status `bad` is that of the release
    which is rolled back: users got no worse than before."""

    per_second: int
    routes: tuple[str, ...] = ()
    bad: str = ""

    def of(self, stack: Stack) -> Traffic:
        routes = [route for route in stack.routes if not self.routes or route.name in self.routes]
        return Traffic(stack.model_copy(update={"routes": routes}), self.per_second)

    def count(self, traffic: Traffic) -> dict[str, float]:
        """How many requests were sent, how many of them failed, and the seconds of failed requests, `outage`."""
        failed = traffic.failed - traffic.answered.get(self.bad, 0)
        return {"sent": traffic.sent, "failed": failed, "outage": failed / self.per_second}


def under_traffic(rollback: Rollback, users: Users, site: Site, rounds: int) -> Iterator[Taken]:
    """What users meet during the whole run, and during a second before and after it."""
    contenders = rollback.made(site)
    for _ in range(rounds):
        for name, words in contenders.items():
            site.host.exec(rollback.before)
            with users.of(site.stack) as traffic:
                time.sleep(1)
                taken = site.run(words)
                time.sleep(1)
            yield name, taken | users.count(traffic)
