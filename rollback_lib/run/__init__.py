"""One run of one procedure, from opening to its verdict."""
