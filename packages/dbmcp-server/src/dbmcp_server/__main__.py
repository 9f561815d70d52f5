"""The program: ``dbmcp`` and ``dbmcp-server``; ``python -m dbmcp_server`` is ``dbmcp``."""

from __future__ import annotations

from dbmcp_server.startup import unhindered

__all__ = ["main", "serve"]


def main() -> None:
    """Run ``dbmcp``."""
    with unhindered():
        from dbmcp_server import cli
    cli.main()


def serve() -> None:
    """Run ``dbmcp-server``."""
    with unhindered():
        from dbmcp_server import cli
    cli.serve_main()


if __name__ == "__main__":
    main()
