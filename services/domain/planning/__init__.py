"""From a spec to a plan: names, ties, checks, numbers and packs, in this order."""
