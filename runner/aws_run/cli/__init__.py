"""argv → Config → use case. The composition root, and the one place that turns errors into exit codes."""
