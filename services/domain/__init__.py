"""What a sweep, a trial and a pack are, in plain Python: no database, no queue, no torch."""
