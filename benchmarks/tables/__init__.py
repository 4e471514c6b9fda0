"""Tables that benchmarks fill."""
