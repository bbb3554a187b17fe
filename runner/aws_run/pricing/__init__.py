"""The hardware that can be rented, its prices, and the cost of a run. Pure: no AWS calls."""
