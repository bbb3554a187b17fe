"""ECS on one EC2 instance of the run's own."""
