"""How the process is doing: `/health`, `/metrics`, and who asks for them."""
