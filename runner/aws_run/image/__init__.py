"""Source digest, recipe, build, push. Only this package and the local runtime talk to Docker."""
