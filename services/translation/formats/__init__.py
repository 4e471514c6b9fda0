"""The formats that can be translated, one file each: what it looks like and what its keys mean."""
