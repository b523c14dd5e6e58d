"""What is true on the host now. A fact is a command that changes nothing and a way to read its output."""
