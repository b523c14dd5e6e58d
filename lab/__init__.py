"""The practice host: a disposable machine with the runbook's whole stack on it. See README.md in this folder."""
