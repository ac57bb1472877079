"""The blast-radius breaker at work: losses measured against the population, and the holds that people decide."""
