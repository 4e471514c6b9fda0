"""Image files and archives: read, checked, fetched, and identified by their SHA-256."""
