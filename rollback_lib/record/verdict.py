"""Verdicts: how a run ended, in one word, and the exit status that goes with it."""

from enum import StrEnum

NOT_ENDED = "the run has not ended"  # the reason in a record until its run has ended


class Verdict(StrEnum):
    """The verdict on a run. A record also says UNKNOWN as long as its run has not ended, so that the record of a killed run says it."""

    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    NOTHING_TO_DO = "nothing-to-do"
    REFUSED = "refused"
    RESTORED = "failed-restored"
    PARTLY = "failed-partly"
    ABORTED = "aborted"
    UNKNOWN = "unknown"
    LOOKED = "looked"
    READY = "ready"
    NOT_READY = "not-ready"
    MARKED = "marked"
    NOT_HELD = "not-held"
    ROLLED_BACK = "rolled-back"

    @property
    def looked(self) -> bool:
        """Whether the run was to change nothing that serves, so that there is nothing to write a post-mortem of."""
        return self in (
            Verdict.LOOKED, Verdict.READY, Verdict.NOT_READY, Verdict.MARKED, Verdict.NOT_HELD, Verdict.ROLLED_BACK
        )  # fmt: skip

    @property
    def status(self) -> int:
        """The exit status of the command line."""
        return _STATUS[self]

    @property
    def level(self) -> str:
        """How a view shows the verdict: good, info, warn or bad."""
        if self in (Verdict.PLANNED, Verdict.LOOKED):
            return "info"
        return {0: "good", 3: "warn", 4: "warn"}.get(self.status, "bad")


_STATUS = {
    Verdict.PLANNED: 0,
    Verdict.SUCCEEDED: 0,
    Verdict.NOTHING_TO_DO: 0,
    Verdict.REFUSED: 3,
    Verdict.ABORTED: 3,
    Verdict.RESTORED: 4,
    Verdict.PARTLY: 5,
    Verdict.UNKNOWN: 6,
    Verdict.LOOKED: 0,
    Verdict.READY: 0,
    Verdict.NOT_READY: 7,
    Verdict.MARKED: 0,
    Verdict.NOT_HELD: 7,
    Verdict.ROLLED_BACK: 4,
}
