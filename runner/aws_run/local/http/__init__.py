"""The embedded AWS's way in: the server, the wire formats, who may call what."""
