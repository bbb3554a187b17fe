"""One file a resource type: its value, its operations and, as `TYPE`, the object that `registry.py` lists.

`base.py` says what a type must do. Only "absent" means absent: a refusal is an error (style: a 403 is not a 404).
"""
