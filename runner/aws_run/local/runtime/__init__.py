"""What runs the embedded AWS's containers, and where their images come from."""
