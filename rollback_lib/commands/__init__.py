"""What would run on a host, as data. Nothing here runs anything."""
