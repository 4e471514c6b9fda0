"""Images that a config can name: one file per data set."""
