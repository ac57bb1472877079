"""The native HTTP dialect: `/services` and what lives below it. README.md is its manual page.

parameters      the words of a lookup's query string
reads           what is read of the view, and how it is rendered
writes          a request becomes a verb
renewals        the one write that has a way of its own, because there are so many of them
watch           answers as a stream of server-sent events
shapes          the JSON that goes out and the bodies that come in
routes          which path and method lead where
dialect         the dialect, as the rest of the house needs to know it
"""
