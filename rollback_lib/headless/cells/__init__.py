"""The process that runs the cells of a headless run. The runner starts it, and imports nothing from here."""
