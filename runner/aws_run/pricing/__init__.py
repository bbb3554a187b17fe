"""The hardware that can be rented, its prices, and the cost of a run. Choosing and counting are pure; `ec2_catalogue`
and `price_list` read AWS."""
