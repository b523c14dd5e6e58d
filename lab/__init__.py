"""The practice host: a disposable machine with the whole stack of the runbook. See README.md in this folder."""
