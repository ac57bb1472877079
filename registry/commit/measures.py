"""What the write path measures of itself, in Prometheus's words."""

from prometheus_client import Counter, Gauge, Histogram

COMMIT_COMMANDS = Histogram(
    "meridian_commit_commands",
    "Commands committed together",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
COMMIT_SECONDS = Histogram(
    "meridian_commit_seconds",
    "Time from taking a batch of commands to its commit",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
COMMIT_FAILURES = Counter("meridian_commit_failures", "Batches that could not be committed", ["reason"])
LOG_INDEX = Gauge("meridian_log_index", "Index of the last change that this process committed", ["region"])
