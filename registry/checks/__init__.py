"""Health checks run by workers: the schedule in Valkey, probing, judging outcomes, and reporting transitions."""
