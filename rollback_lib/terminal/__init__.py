"""How a run looks on a terminal and in a log: a viewer of its record, while it is written or afterwards."""
