"""Functions of one number that stand between layers: one file per activation."""
