"""The stack file: what a compose stack is made of, and how it is reached."""
