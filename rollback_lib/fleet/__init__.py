"""Many stacks at once: the waves, what came of each stack, what differs between them, and the page that shows it. It needs no engine."""
