"""What follows a pack beside its commits: one file per listener."""
