"""Reading the Compose file, and running what it describes on loopback."""
