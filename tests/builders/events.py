"""Builds events of a record, as a run writes them. Their plan is “p”, and all are of the same minute."""

from typing import Any

OK, NOT_OK = {"kind": "exited", "number": 0}, {"kind": "exited", "number": 1}
Event = dict[str, Any]


def at(second: int) -> str:
    return f"2026-11-24T03:00:{second:02}.000+00:00"


def begin(job: str, second: int = 0, **more: Any) -> Event:
    """A job began. Its step changes the stack."""
    return {"event": "step-begin", "at": at(second), "step": job.partition(".")[0], "job": job, "plan": "p", "touches": True, **more}


def end(job: str, ending: Event | None = OK, kind: str = "step-end", **more: Any) -> Event:
    return {"event": kind, "at": at(9), "step": job.partition(".")[0], "job": job, "plan": "p", "ending": ending, **more}


def not_started(job: str, **more: Any) -> Event:
    return {"event": "step-not-started", "step": job.partition(".")[0], "job": job, "plan": "p", "error": "no", **more}


def verified(*, ok: bool = True, **more: Any) -> Event:
    """The event of a verification, after the run has changed the host."""
    return {"event": "verified", "ok": ok, "healthy": ok, "applied": True, "effects": [], **more}


def verdict(word: str, reason: str = "as told") -> Event:
    return {"event": "verdict", "verdict": word, "reason": reason}
