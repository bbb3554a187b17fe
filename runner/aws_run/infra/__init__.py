"""Resources as data: desired, observed, the difference, and the two things done about it."""
