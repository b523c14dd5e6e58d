"""What the plan of a readiness run notes: what it restores, and why it keeps nothing."""

from rollback_lib.plan.noted import Noted


class After(Noted):
    """`restored` holds the name of the database into which each backup is restored, by the label of its part. `unkept` says why nothing is
    entered as known good, None if something is."""

    restored: dict[str, str]
    unkept: str | None
