"""The views of each procedure, a file each: its state, its candidates, its target."""
