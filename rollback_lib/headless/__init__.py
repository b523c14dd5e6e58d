"""Runs the notebooks without a person, and keeps the executed copies."""
