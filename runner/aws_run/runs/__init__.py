"""What a run is, as values and as objects in the bucket: its record, its keys, its marks and locks."""
