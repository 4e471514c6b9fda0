"""Results of a sweep: intervals, comparisons, and the time that is left."""
