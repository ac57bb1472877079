"""Encoded answers: kept until a dependency changes, waited on, and limited."""
