"""Which files of a project go into its image, and the digest over them."""
