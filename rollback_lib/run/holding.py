"""Watching a release for a while: its routes have to hold, and its containers to run. The lock is not held meanwhile, and nothing is
changed."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from rollback_lib.errors import Refused, RollbackError
from rollback_lib.facts import docker
from rollback_lib.health.hold import Hold
from rollback_lib.procedures import guard, mark
from rollback_lib.run.run import Run
from rollback_lib.text import times

EVERY = 0.25  # seconds between two judgements
LOOK = 5.0  # seconds between two looks at the containers
Containers = list[docker.Container]


def hold(run: Run, seconds: float) -> guard.Lapse | None:
    """Watch a healthy release for so many seconds. Returns what did not hold, None if all did. Raises Refused if what runs was replaced
    meanwhile and is healthy, or if the host cannot be asked at the end."""
    observed, looks = _Observation(run, seconds), _Looks(run)
    try:
        while True:
            time.sleep(EVERY)
            if (seen := looks.newest()) is not None:
                observed.see(seen)
            if lapse := observed.lapse():
                return lapse
            if observed.over:
                observed.see(_containers(run))
                if observed.crashes:
                    time.sleep(LOOK)  # the next look decides
                elif observed.over:
                    observed.check_same()
                    return None
    finally:
        looks.close()


def lapsed(run: Run, lapse: guard.Lapse) -> guard.WayBack | str:
    """Notify people of what did not hold, and choose the rollback. Returns why there is none, if there is none."""
    run.folder.event("lapse", words=lapse.words)
    run.notifier.tell("lapse", f"✘ {run.called}: did not hold, {lapse.words}", run.opening.incident)
    probes = run.monitor.note(run.monitor.look_once())
    try:
        way = guard.way_back(run.host(), run.stack, probes)
    except RollbackError as error:
        return str(error)
    run.folder.event("way-back", procedure=way.procedure, parameters=way.parameters, why=way.why)
    return replace(way, reason=run.folder.redactor.clean(f"guard {run.opening.incident}: {lapse.words}"))


class _Observation:
    """What was seen so far. `crashes` are the sentences of the newest look at the containers."""

    def __init__(self, run: Run, seconds: float) -> None:
        self._run = run
        self._watch = run.monitor.open()
        self._hold = self._begin(seconds)
        self._first: Containers | None = None
        self._replaced: list[str] = []
        self._restarts: dict[str, int] = {}
        self._before: list[str] = []
        self.crashes: list[str] = []
        run.folder.event("holding", seconds=seconds, until=self._hold.end.isoformat(timespec="seconds"))

    def _begin(self, seconds: float, grace: float = 0.0) -> Hold:
        names = [route.name for route in self._run.stack.routes]
        return Hold(names, self._run.stack.health, datetime.now(UTC), seconds, grace)

    def see(self, containers: Containers) -> None:
        """Take a look at the containers into account. Those of the first look are what is watched; if they are replaced, what replaced
        them is watched for the rest of the time, and at least for the time to start that every deploy gets."""
        first = self._first = containers if self._first is None else self._first
        if services := guard.replaced(first, containers):
            self._replaced += [name for name in services if name not in self._replaced]
            self._first, self._before, self.crashes = containers, [], []
            grace, left = self._run.stack.health.deadline, (self._hold.end - datetime.now(UTC)).total_seconds()
            self._hold = self._begin(max(grace, left), grace)
            self._run.folder.event("replaced", services=services)
            return
        for name, many in guard.restarted(first, containers).items():
            if many > self._restarts.get(name, 0):
                self._restarts[name] = many
                self._run.folder.event("restarted", container=name, times=many)
        self._before, self.crashes = self.crashes, guard.crashed(first, containers)

    def lapse(self) -> guard.Lapse | None:
        """What does not hold, as far as was seen; None if all does. What is wrong with a container has to be seen twice: a person may just
        restart it."""
        lasting = [words for words in self.crashes if self._before]
        if lasting:
            return guard.Lapse("; ".join(lasting), {})
        now, probes = datetime.now(UTC), self._watch.probes
        since = self._hold.unhealthy(probes)
        lost = self._hold.lost(since, now)
        if not lost:
            return None
        last = {name: self._run.monitor.last_failed([one for one in probes if one.route == name]) for name in lost}
        said = [f"route {name} was not healthy for {_seconds(since[name], now)} ({mark.answered(last[name])})" for name in lost]
        return guard.Lapse("; ".join(said), last)

    @property
    def over(self) -> bool:
        """Whether the time is over, and every route is healthy."""
        now = datetime.now(UTC)  # the probes, of which there are more and more, are read only when the time is over
        return now >= self._hold.end and self._hold.held(self._hold.unhealthy(self._watch.probes), now)

    def check_same(self) -> None:
        """Raises Refused if what runs is not what was watched from the beginning."""
        if self._replaced:
            raise Refused(
                f"{', '.join(self._replaced)} was replaced on {self._run.stack.host} while it was watched, as by another deploy; what "
                "runs now is healthy, and was neither marked nor rolled back: guard that deploy"
            )


class _Looks:
    """Looks at the containers of the stack, side by side with the watch: a lost connection must not keep it from its judgement."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1)
        self._due = 0.0
        self._asked: Future[Containers] | None = None

    def newest(self) -> Containers | None:
        """What a look has seen that ended since this was called last; None if none has, or the host could not be asked."""
        if self._asked is None and time.monotonic() >= self._due:
            self._due = time.monotonic() + LOOK
            self._asked = self._pool.submit(_containers, self._run)
        if self._asked is None or not self._asked.done():
            return None
        ended, self._asked = self._asked, None
        try:
            return ended.result()
        except RollbackError:  # the link tells of a lost connection; there will be another look
            return None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _containers(run: Run) -> Containers:
    return run.host().ask(docker.project(run.stack)).result()


def _seconds(since: datetime, now: datetime) -> str:
    return times.about((now - since).total_seconds())
