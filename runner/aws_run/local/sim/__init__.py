"""What moves in the embedded AWS: its clock, groups, instances, tasks, schedules and bill."""
