"""The end of a run: outcome and log on record, results fetched, everything of it removed, by whichever client."""
