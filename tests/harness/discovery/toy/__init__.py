"""A dialect for tests: nothing about it is like the native one, and nothing of the house knows it.

dialect     what the house is told of it
shapes      its answers, as text or as JSON, its headers and its errors
reads       lookups
writes      registrations and renewals
"""
