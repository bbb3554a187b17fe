"""Reading a project's folder, which may be hostile: bounded, and never out of it."""
