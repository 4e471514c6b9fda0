"""What a trial minimizes: one file per loss."""
