"""The Compose file, held to the code that it runs."""
