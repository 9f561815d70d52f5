"""What is asked of a project beyond being valid: tests, lint, drift."""
