"""Image files and archives: read, checked, fetched, and named by their SHA-256."""
