"""The dashboard: follows the log into browsers. Pages that people read, and from which they correct the catalog."""
