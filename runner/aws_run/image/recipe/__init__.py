"""How a project's image is made: its dependencies, its Python, its command, its own Dockerfile where it has one."""
