"""A stack file made by looking at a host: what is found there, with where it was found, and what could not be."""
