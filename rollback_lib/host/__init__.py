"""The connection to a host: SSH, its waiting shells, jobs and the lock."""
