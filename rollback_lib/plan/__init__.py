"""Plans: everything that a rollback would do, as data."""
