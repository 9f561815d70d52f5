"""A small TDS 7.4 server for tests: ``tests/servers/tds PORT CERTIFICATE KEY PASSWORD_FILE ENCRYPTION DATABASE…``.

Real drivers talk to it over the real wire; what answers is DuckDB behind sqlglot, not SQL Server.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from pathlib import Path

from engine import Server
from session import serve
from wire import Wire


def main() -> None:
    """Serve until killed."""
    port, certificate, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    password = Path(sys.argv[4]).read_text(encoding="utf-8").strip()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # a ticket of 1.3 would arrive where nobody waits for it
    context.load_cert_chain(certificate, key)
    server = Server()
    for name in sys.argv[6:]:
        server.create(name)
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        arguments = [Wire(connection), server, password, context, sys.argv[5]]
        threading.Thread(target=serve, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main()
