"""What runs inside the container, as PID 1: sync in, run the command, sync out, write the result. Standard library only."""

__version__ = "1"
