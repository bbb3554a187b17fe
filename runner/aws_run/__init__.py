"""aws-run: a local Python project on the AWS hardware its owner asks for."""

__version__ = "0.1.0"
