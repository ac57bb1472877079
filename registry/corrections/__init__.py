"""Correcting by hand, as the admin site, REST and the dashboard share it: previews, forms and words."""
