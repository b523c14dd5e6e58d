"""Counts the round trips of a connection by what passes in both directions, without reading any of it."""

SOONER = 0.001  # seconds by which a clock may wake early


class RoundTrips:
    """The round trips of one connection whose round trip takes `seconds`.

    Whatever the client sends before an answer can have come belongs to the same round trip: it did not wait for that answer. All times
    are seconds of one clock.
    """

    def __init__(self, seconds: float) -> None:
        self.number = 0
        self._answer = max(0.0, seconds - SOONER)  # an answer takes at least as long
        self._began = 0.0
        self._answered = True

    def sent(self, at: float) -> None:
        """The client has sent something."""
        if self._answered:
            self.number += 1
            self._began = at
            self._answered = False

    def heard(self, at: float) -> None:
        """Something has arrived at the client. What was on its way before the client began this round trip is no answer to it."""
        if self.number and at - self._began >= self._answer:
            self._answered = True
