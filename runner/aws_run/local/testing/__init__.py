"""What only tests use of the embedded AWS: faults on purpose, and the list of what is left."""
