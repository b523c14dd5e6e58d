"""Facts: questions to the host that change nothing. A fact is a command, and a function that reads its output."""
