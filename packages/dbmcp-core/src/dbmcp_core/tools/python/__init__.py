"""Tools in Python: a project's modules, its plugins, and the loop that they run on."""
