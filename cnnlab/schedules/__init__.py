"""Learning rates and momentums that change while a trial trains: one file per schedule."""
