"""Trust between regions: invitations, tokens, and how secrets are sealed."""
