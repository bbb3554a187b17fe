"""The story of each command, one file each. They emit events and return values; nobody here prints."""
