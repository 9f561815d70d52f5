"""The types of parameters and results: converted, checked, and told as JSON Schema."""
