"""The only part of the tool that imports boto3."""
