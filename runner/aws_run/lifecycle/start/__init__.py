"""From a configuration to an accepted task: preflight, capacity, image and input, and the way back when one fails."""
