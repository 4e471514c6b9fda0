"""Compiled operations: optional, for the patterns in which most of the time goes."""
