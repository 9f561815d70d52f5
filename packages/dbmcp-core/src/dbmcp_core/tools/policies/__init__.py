"""Who may call what, and who sees which field."""
