"""A run that goes on, seen by somebody else: what its host says of it, as events like those of its record. It only reads."""
