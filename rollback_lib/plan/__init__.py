"""Everything a rollback would do, as data."""
