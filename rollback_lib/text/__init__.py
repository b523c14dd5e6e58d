"""How times, amounts and tables are written, wherever a person reads them: in a notebook, a report, or on a terminal."""
