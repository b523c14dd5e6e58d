"""Archives: sealed records in a store of another machine, locked there, in a chain for each writer."""
