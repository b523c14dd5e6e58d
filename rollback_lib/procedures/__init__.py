"""One package per section of the runbook: facts in, Plan out. No connection is opened here."""
