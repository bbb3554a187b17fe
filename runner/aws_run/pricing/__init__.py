"""What hardware there is, what it costs, and what a run cost. Pure: no AWS calls here."""
