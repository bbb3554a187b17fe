"""`python -m aws_run.cli`: the same as `aws-run`, with the Python that is asked."""

from aws_run.cli.main import main

main()
