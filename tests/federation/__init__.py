"""What the tests of a federation stand on: links that can fail, and a witness that judges from outside."""
