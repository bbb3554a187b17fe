"""One file a kind: how it is observed, created, deleted and shown absent, written once and used by every command.

`create` adopts what is already there under the name (a lost response, a half-finished run); `delete` accepts what is
already gone. Only "absent" means absent: a refusal is an error (style: a 403 is not a 404).
"""
