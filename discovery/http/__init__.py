"""The native HTTP dialect: `/services` and what lives below it. README.md is its manual page.

parameters      the words of a lookup's query string
reads           a request becomes a question, a question an answer
writes          a request becomes a verb
renewal         the one write that has a way of its own, because there are so many of them
fresh           how old an answer may be, and asking the region itself
watch           answers as a stream of server-sent events
shapes          the JSON that goes out and the bodies that come in
routes          which path and method lead where
"""
