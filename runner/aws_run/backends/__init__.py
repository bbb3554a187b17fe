"""Where a run can run: one module a backend behind the small Protocol in `base`."""
