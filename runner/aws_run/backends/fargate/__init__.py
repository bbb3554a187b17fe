"""ECS on Fargate."""
