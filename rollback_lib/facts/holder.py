"""Who holds the lock of a stack."""

from rollback_lib.facts.fact import Fact
from rollback_lib.host import lock


def holder(state: str) -> Fact[lock.Owner | None]:
    """Whose lock it is now; None where it is free."""
    return Fact((lock.look(state),), lock.read_holder, missing=f"the lock in {state} cannot be read")
