"""The procedures, a package for each section of the runbook. A procedure makes a plan from facts; it opens no connection."""
