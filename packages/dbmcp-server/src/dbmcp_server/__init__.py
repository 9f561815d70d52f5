"""Every installed engine behind one MCP server and one command line."""
