"""What commands print: tables, lines of progress, links, and JSON for programs."""
