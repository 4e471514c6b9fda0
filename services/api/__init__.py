"""The HTTP API: routes, the views they answer with, and the web page."""
