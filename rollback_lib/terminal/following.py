"""Shows a run that is followed: as the run itself is shown where it was started, and what its steps print."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rollback_lib.record.state import moment
from rollback_lib.record.verdict import Verdict
from rollback_lib.terminal.blocks import Event
from rollback_lib.terminal.line import Line, Tone
from rollback_lib.terminal.printer import Printer
from rollback_lib.terminal.story import Story
from rollback_lib.text import times

EVERY = 0.2  # seconds between two updates of what goes on
_TONES = {"good": Tone.GOOD, "info": Tone.PLAIN, "warn": Tone.WARN, "bad": Tone.BAD}


def lines(event: Event) -> Iterator[Line]:
    """What those who follow are told beside what a record tells."""
    match event["event"]:
        case "open":
            yield Line(f"they hold the stack since {times.second(moment(event))} UTC; you only watch")
        case "command":
            yield Line(event["command"], Tone.CODE, name="$ ", depth=2)
        case "output":
            more = f" … {event['left_out']:,} more bytes of this line" if event["left_out"] else ""
            yield Line(event["line"] + more, depth=2)
        case "output-left-out":
            yield Line(f"… the first {event['bytes']:,} bytes of its output are left out …", depth=2)
        case "withheld":
            yield Line(
                f"What the steps print is not shown, since it cannot be read what is secret in it: {event['why']}", Tone.WARN, moment(event)
            )
        case "silent":
            yield Line(f"The run has not been heard of for {times.about(event['seconds'])}; its steps continue", Tone.WARN, moment(event))
        case "heard":
            yield Line("The run is heard of again", Tone.GOOD, moment(event))
        case "link":
            yield Line(event["said"][:1].upper() + event["said"][1:], Tone.WARN, moment(event))
        case "free":
            yield from _free(event)
        case "ended":
            verdict = Verdict(event["verdict"])
            yield Line(f"{verdict}: {event['reason']}", _TONES[verdict.level], moment(event))


def _free(event: Event) -> Iterator[Line]:
    more = "; waiting for the next run …" if event["waiting"] else ""
    yield Line(f"Nobody holds {event['stack']} on {event['host']}: no run is in progress there{more}", Tone.PLAIN, moment(event))
    was = event["cut_off"]
    if was:
        yield Line(
            f"The last run was cut off: {was['procedure']}, by {was['who']}; its lease is over, and `rollback resume {was['incident']}` "
            "on the machine with its record continues it",
            Tone.WARN,
        )


class Viewer:
    """Shows events with `shown`, and on a terminal also what goes on."""

    def __init__(self, shown: Printer) -> None:
        self._shown = shown
        self._story: Story | None = None
        self._showing = threading.Lock()

    def show(self, event: Event) -> None:
        """Show the next event."""
        with self._showing:
            if event["event"] == "open":
                self._story = Story(None)
            if event["event"] == "ended":
                self._shown.now(())
            told = [*self._story.tell(event)] if self._story and event["event"] != "link" else []
            self._shown.show([*told, *lines(event)])
            if event["event"] == "ended":
                self._story = None

    @contextmanager
    def going(self) -> Iterator[None]:
        """Show what goes on until the end of the block."""
        over = threading.Event()
        clock = threading.Thread(target=self._tick, args=(over,), daemon=True)
        clock.start()
        try:
            yield
        finally:
            over.set()
            clock.join()
            self._shown.now(())

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(EVERY):
            with self._showing:
                if self._story:
                    self._shown.now(self._story.now(datetime.now(UTC)))
