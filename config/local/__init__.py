"""A region on one machine: what `manage.py up` plans, starts, supervises and announces."""
