"""What the plan of a readiness run notes: what it restores, and why it keeps nothing."""

from rollback_lib.plan.noted import Noted


class After(Noted):
    """`restored` are the names under which backups are restored, by the labels of their parts; `unkept` says why nothing is entered as
    known good, None where something is."""

    restored: dict[str, str]
    unkept: str | None
