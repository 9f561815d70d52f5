"""SQL and Jinja as people write them in a tool, and the rows that come back."""
