"""The connection to a host: SSH, channels, jobs and the lock."""
