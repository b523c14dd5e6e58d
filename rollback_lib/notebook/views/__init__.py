"""One file of views for each procedure: its state, its candidates, its target."""
