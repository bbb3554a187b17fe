"""The life of a run: preflight, provisioning, watching, outcome, teardown, and finishing a run whose client died."""
