"""What trials' values say: intervals, comparisons, and how long the rest will take."""
