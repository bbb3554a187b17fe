"""The GitHub side: what an action is given, and what it hands back. What a log or a page shows is `report`'s."""
