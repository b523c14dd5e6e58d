"""Records: the folder that a run leaves, and the proof that nobody has changed it."""
