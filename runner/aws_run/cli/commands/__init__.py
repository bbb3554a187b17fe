"""One file a command of `aws-run`."""
