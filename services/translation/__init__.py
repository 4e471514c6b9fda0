"""Sweep files of other tools, translated into specs: plain Python, one file for each format."""
