"""Control plane: the only writer of this region's catalog."""
