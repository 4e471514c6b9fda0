"""Asking for points: what searches that look at results are given, and what becomes of their answers."""
