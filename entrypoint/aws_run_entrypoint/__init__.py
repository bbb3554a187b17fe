"""What runs inside the container, as PID 1: sync in, run the command, sync out, write the result.

Standard library only, Python 3.9 and later: it must work in any image.
"""

__version__ = "1"
