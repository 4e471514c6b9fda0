"""What a GPU brings: `python -m benchmarks.gpu`, one file a theme."""
