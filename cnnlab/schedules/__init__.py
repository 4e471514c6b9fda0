"""Rates and momentums that move while a trial trains: one file per schedule."""
