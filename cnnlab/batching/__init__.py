"""Which images a trial trains on, in which order, and how they reach the device."""
