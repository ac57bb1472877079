"""What the dashboard's templates use."""
