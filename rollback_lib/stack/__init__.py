"""The stack file, which describes a compose stack and how to reach its host: its model, and its reference page."""
