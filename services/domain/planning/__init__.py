"""From a spec to a plan in six steps: read, name, tie, check, number, pack."""
