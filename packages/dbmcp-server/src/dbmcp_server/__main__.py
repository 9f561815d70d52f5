"""``python -m dbmcp_server`` is ``dbmcp``."""

from dbmcp_server.cli import main

if __name__ == "__main__":
    main()
