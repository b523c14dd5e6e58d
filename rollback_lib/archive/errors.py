"""What can go wrong with an archive."""

from rollback_lib.errors import RollbackError


class NotArchived(RollbackError):
    """A record cannot be called archived. It is still queued."""


class Unusable(NotArchived):
    """The store of an archive is away, or does not let us in; nothing else can be sent to it now."""


class Taken(NotArchived):
    """There is an object of that name already. Objects are written once."""


class Gone(NotArchived):
    """An object that was there is not there any more."""
