"""Commands for a host, as data. Nothing here runs anything."""
