"""Tools, resources and prompts written as files: typed, parameterised, governed. Needs ``dbmcp-core[tools]``."""
