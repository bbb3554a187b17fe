"""`python3 -m aws_run.github.comments`."""

import sys

from aws_run.github.comments.entry import main

sys.exit(main(sys.argv[1:]))
