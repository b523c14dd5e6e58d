"""Health over the routes users take: probes side by side, healthy when N in a row pass on every route."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from rollback_lib.errors import ParameterError
from rollback_lib.stack import Health, Route, local_path


@dataclass(frozen=True)
class Probe:
    """One request over a route: `status` is the HTTP status, None when there was no answer; `seconds` it took."""

    route: str
    at: datetime
    ok: bool
    status: int | None
    seconds: float
    said: str


class Prober:
    """Asks one route. TLS is verified against the system's authorities, or the route's own `ca`."""

    def __init__(self, route: Route, timeout: float) -> None:
        self.route = route
        url = urlsplit(route.url)
        self._headers = {"Host": url.netloc, "User-Agent": "rollback-health"}
        self._url = url._replace(netloc=route.connect_to).geturl() if route.connect_to else route.url
        self._extensions = {"sni_hostname": url.hostname} if url.scheme == "https" else {}
        # A connection of its own for every probe: users' connections are new ones, too.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(verify=_authorities(route), timeout=timeout, limits=limits, trust_env=False)

    def probe(self) -> Probe:
        """One GET. Never raises: what went wrong is in the probe."""
        started, at = time.monotonic(), datetime.now(UTC)
        status = None
        try:
            answer = self._client.get(self._url, headers=self._headers, extensions=self._extensions)
            status, said = answer.status_code, answer.text[:200]
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
        return Probe(self.route.name, at, status == 200, status, time.monotonic() - started, said)

    def close(self) -> None:
        self._client.close()


class Watch:
    """Probes every route again and again, each in a thread of its own, until stopped. Use as a context manager."""

    def __init__(self, routes: Sequence[Route], health: Health, on_probe: Callable[[Probe], None]) -> None:
        self.probes: list[Probe] = []
        self._health = health
        self._on_probe = on_probe
        self._routes = [route.name for route in routes]
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(route,), daemon=True) for route in routes]

    def __enter__(self) -> "Watch":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=self._health.timeout + 1)

    def until_healthy(self, since: datetime) -> bool:
        """Wait until the last `passes` probes begun after `since` passed on every route; False at the deadline."""
        with self._changed:
            return self._changed.wait_for(lambda: self.healthy(since), timeout=self._health.deadline)

    def until_looked(self) -> bool:
        """Wait until every route was probed `passes` times; whether all of those passed."""
        wanted = self._health.passes

        def counts() -> list[int]:
            return [sum(probe.route == name for probe in self.probes) for name in self._routes]

        with self._changed:
            self._changed.wait_for(lambda: min(counts()) >= wanted, timeout=self._health.deadline)
            return min(counts()) >= wanted and all(probe.ok for probe in self.probes)

    def healthy(self, since: datetime) -> bool:
        recent = {name: [probe.ok for probe in self.probes if probe.route == name and probe.at >= since] for name in self._routes}
        return all(passes_in_a_row(results, self._health.passes) for results in recent.values())

    def _watch(self, route: Route) -> None:
        prober = Prober(route, self._health.timeout)
        try:
            while not self._stopped.is_set():
                probe = prober.probe()
                with self._changed:
                    self.probes.append(probe)
                    self._changed.notify_all()
                self._on_probe(probe)
                self._stopped.wait(self._health.every)
        finally:
            prober.close()


def passes_in_a_row(results: Sequence[bool], wanted: int) -> bool:
    """Whether the last `wanted` results are there and all passed."""
    return len(results) >= wanted and all(results[-wanted:])


def outage(probes: Iterable[Probe]) -> float:
    """Seconds from the first failed probe to the first pass after the last failed one, the longest over all routes."""
    longest = 0.0
    by_route: dict[str, list[Probe]] = {}
    for probe in sorted(probes, key=lambda probe: probe.at):
        by_route.setdefault(probe.route, []).append(probe)
    for ordered in by_route.values():
        failed = [number for number, probe in enumerate(ordered) if not probe.ok]
        if failed:
            end = ordered[min(failed[-1] + 1, len(ordered) - 1)].at
            longest = max(longest, (end - ordered[failed[0]].at).total_seconds())
    return longest


def check_authorities(routes: Sequence[Route]) -> None:
    """Raises ParameterError when a route's `ca` is not a file of certificates."""
    for route in routes:
        _authorities(route)


def _authorities(route: Route) -> ssl.SSLContext:
    if route.ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(local_path(route.ca)))
    except (OSError, ssl.SSLError):
        raise ParameterError(
            f"route {route.name}: ca: {local_path(route.ca)} is not a file of certificates; for the practice host run `rollback lab up`"
        ) from None
