"""Runs notebooks without a person, and keeps the executed notebooks in the records."""
