"""Watches the routes that users take. They are probed side by side, and are healthy when N probes in a row pass on every route."""

import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from rollback_lib.health.headers import Values, of_route
from rollback_lib.health.probe import Probe, passes_in_a_row
from rollback_lib.health.tls import authorities
from rollback_lib.stack.route import Expect, Health, Route

KEPT = 16 * 1024  # characters of an answer that are kept
# How many probes of one route may wait for their answers at the same time. While a container is replaced, the first packet of a connection
# may get lost, and is sent again after a second; the next probes, maybe ten in that second, are not to wait for it.
AT_ONCE = 12


class Prober:
    """Asks one route. TLS is verified against the system's authorities, or the route's own `ca`. `values` are those of the references
    in its headers."""

    def __init__(self, route: Route, timeout: float, values: Values | None = None) -> None:
        self.route = route
        self._values = values or {}
        url = urlsplit(route.url)
        self._headers = {b"Host": url.netloc.encode(), b"User-Agent": b"rollback-health"}
        self._url = url._replace(netloc=route.connect_to).geturl() if route.connect_to else route.url
        self._extensions = {"sni_hostname": url.hostname} if url.scheme == "https" else {}
        # Every probe opens a new connection, as a user would.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(verify=authorities(route), timeout=timeout, limits=limits, trust_env=False)

    def probe(self) -> Probe:
        """Send one GET request. Errors of the request are not raised, but are in the probe."""
        started, at = time.monotonic(), datetime.now(UTC)
        ok, status, certificate = False, None, None
        try:
            headers = of_route(self.route, self._values) | self._headers
            with self._client.stream("GET", self._url, headers=headers, extensions=self._extensions) as answer:
                certificate = _certificate(answer)
                answer.read()
                status = answer.status_code
                ok, said = self._judged(status, answer.text)
        except httpx.HTTPError as error:
            said = str(error) or type(error).__name__
        except LookupError as error:
            said = f"not asked: the value of a header is not known here ({error})"
        return Probe(self.route.name, at, ok, status, time.monotonic() - started, said, certificate)

    def _judged(self, status: int, body: str) -> tuple[bool, str]:
        """Whether an answer is as expected, and its words; first what is missing, where that is not the usual 200."""
        objection = self.route.expect.objection(status, body)
        said = f"{objection}: " if objection and self.route.expect != Expect() else ""
        return not objection, said + body[:KEPT]

    def close(self) -> None:
        self._client.close()


def probe_once(routes: Sequence[Route], timeout: float, values: Values | None = None) -> list[Probe]:
    """One probe of every route, side by side."""
    probers = [Prober(route, timeout, values) for route in routes]
    try:
        with ThreadPoolExecutor(len(probers)) as pool:
            return list(pool.map(Prober.probe, probers))
    finally:
        for prober in probers:
            prober.close()


def _certificate(answer: httpx.Response) -> tuple[datetime, datetime] | None:
    """From when to when the certificate of the answer's connection is valid; None without TLS."""
    tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
    known = tls.getpeercert() if tls else None
    if not known:
        return None
    begin, end = (datetime.fromtimestamp(ssl.cert_time_to_seconds(known[key]), UTC) for key in ("notBefore", "notAfter"))
    return begin, end


class Watch:
    """Probes every route again and again until it is stopped. A probe that hangs does not hold up the next one.

    `health` has the interval, the time-out and the deadline in seconds, and how many passes in a row mean healthy. `on_probe` is called
    with each probe, in a thread of the watch.
    """

    def __init__(
        self, routes: Sequence[Route], health: Health, on_probe: Callable[[Probe], object], values: Values | None = None
    ) -> None:  # fmt: skip
        self._health = health
        self._on_probe = on_probe
        self._probers = [Prober(route, health.timeout, values) for route in routes]
        # Per route, in the order they were begun: the moment, and the probe once it has its answer.
        self._begun: dict[str, list[tuple[datetime, Probe | None]]] = {route.name: [] for route in routes}
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._noting = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE * len(routes))
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def start(self) -> "Watch":
        self._clock.start()
        return self

    def stop(self) -> None:
        with self._noting:  # probes that have no answer by now are dropped
            self._stopped.set()
        self._clock.join()
        # A probe that still waits for its answer ends at its own time-out. Nobody waits for it.
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def probes(self) -> list[Probe]:
        """All probes so far, in the order in which they were begun, of each route up to the last that was answered. An earlier probe
        without an answer counts as failed."""
        now = datetime.now(UTC)
        with self._changed:
            found = [
                probe or Probe(name, at, False, None, (now - at).total_seconds(), "no answer yet")
                for name, begun in self._begun.items()
                for at, probe in _answered(begun)
            ]
        return sorted(found, key=lambda probe: probe.at)

    def until_healthy(self, since: datetime, routes: Collection[str] | None = None, most: float | None = None) -> bool:
        """Wait until the routes are healthy: the last `passes` probes begun after `since` passed on every route.

        If `routes` are given, only those have to pass; all others must have answered, whether they passed or not. False if that did not
        happen before the deadline, or within `most` seconds.
        """
        wanted = self._begun.keys() if routes is None else self._begun.keys() & set(routes)
        with self._changed:
            return self._changed.wait_for(
                lambda: self._healthy(since, wanted), timeout=min(self._health.deadline, most or self._health.deadline)
            )

    def until_looked(self) -> bool:
        """Wait until every route has answered `passes` times. True if all answers passed; False if not, or at the deadline."""
        wanted = self._health.passes

        def answers() -> list[list[bool]]:
            return [[probe.ok for _, probe in begun if probe] for begun in self._begun.values()]

        with self._changed:
            enough = self._changed.wait_for(lambda: min(map(len, answers())) >= wanted, timeout=self._health.deadline)
            return enough and all(map(all, answers()))

    def _healthy(self, since: datetime, routes: Collection[str]) -> bool:
        results = {name: self._results(begun, since) for name, begun in self._begun.items()}
        return all(results.values()) and all(passes_in_a_row(results[name], self._health.passes) for name in routes)

    @staticmethod
    def _results(begun: list[tuple[datetime, Probe | None]], since: datetime) -> list[bool]:
        """The results of the probes since then, up to the last that was answered. An earlier one without an answer has not passed."""
        return [probe is not None and probe.ok for at, probe in _answered(begun) if at >= since]

    def _tick(self) -> None:
        while not self._stopped.is_set():
            for prober in self._probers:
                begun = self._begun[prober.route.name]
                with self._changed:
                    if sum(probe is None for _, probe in begun[-4 * AT_ONCE :]) >= AT_ONCE:
                        continue
                    begun.append((datetime.now(UTC), None))
                    self._pool.submit(self._probe, prober, len(begun) - 1)
            self._stopped.wait(self._health.every)

    def _probe(self, prober: Prober, number: int) -> None:
        probe = prober.probe()
        with self._noting:  # `on_probe` comes before the probe counts, so that the record has every probe on which a verdict rests
            if self._stopped.is_set():
                return
            self._on_probe(probe)
        begun = self._begun[prober.route.name]
        with self._changed:
            begun[number] = (begun[number][0], probe)
            self._changed.notify_all()


def _answered(begun: list[tuple[datetime, Probe | None]]) -> list[tuple[datetime, Probe | None]]:
    """The probes up to the last that was answered. Later ones may still pass."""
    end = len(begun)
    while end and begun[end - 1][1] is None:
        end -= 1
    return begun[:end]
