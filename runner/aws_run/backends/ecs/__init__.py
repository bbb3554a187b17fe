"""What Fargate and EC2 have in common: an ECS task and its one container."""
