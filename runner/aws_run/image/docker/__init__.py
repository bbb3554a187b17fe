"""Building and pushing an image with a Docker engine."""
