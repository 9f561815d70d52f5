"""The test server's process: HTTPS with a token, the Thrift service behind it. The path says what answers.

``/sql/1.0/warehouses/spark``  Spark, with an information schema, where pyspark is installed
``/sql/1.0/warehouses/plain``  Spark as it comes, without one
``/sql/1.0/warehouses/canned`` answers for whatever a statement of the tests asks (see ``canned``)
``/sql/1.0/warehouses/waking`` the same, but HTTP 503 before it, once, as from a warehouse that starts
``/fault/403`` and the like    that status, ``/fault/drop`` nothing at all
``/oidc/v1/token``             a token for the client's id and secret
``/control/forget``            drops every session, ``/control/seen`` tells what was asked
``/control/arrived``           waits until a statement with ``canned:late`` in it has arrived, which then waits for
``/control/accept``            before the service gets to see it
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import json
import logging
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

sys.path.insert(0, str(Path(__file__).parent))  # started by its path, like its neighbours
from canned import Canned
from service import Service

WAREHOUSE = "/sql/1.0/warehouses/"
CLIENT = "test-client"


class Server(ThreadingHTTPServer):
    """Sessions on all warehouses, and what was asked over HTTP."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, folder: Path, token: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.token = token
        self.services = {"canned": Service(Canned()), "waking": Service(Canned())}
        self.asleep = 1
        self.arrived, self.accepted = threading.Event(), threading.Event()
        if importlib.util.find_spec("pyspark") is not None:
            from spark import Spark

            spark = Spark(folder)
            self.services |= {"spark": Service(spark.with_information_schema()), "plain": Service(spark)}
        self.seen: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        logging.info("a connection ended early", exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        area, _, name = self.path.strip("/").rpartition("/")
        self.server.seen.append(f"POST {self.path}")
        if self.path == "/oidc/v1/token":
            self._give_token()
        elif area == "fault":
            self._fail(name)
        elif self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._answer(403, headers={"x-databricks-error-or-redirect-message": "Invalid access token."})
        elif area == "control":
            self._control(name)
        elif self.path == f"{WAREHOUSE}waking" and self.server.asleep:
            self.server.asleep -= 1
            self._fail("503")
        elif self.path.startswith(WAREHOUSE) and name in self.server.services:
            self._answer(200, self._processed(name, body), "application/x-thrift")
        else:
            self._answer(404, b"no such warehouse")

    def do_GET(self) -> None:
        self.server.seen.append(f"GET {self.path}")
        self._answer(404)

    def _processed(self, name: str, body: bytes) -> bytes:
        if b"canned:late" in body:
            self.server.arrived.set()
            self.server.accepted.wait(60)
        asked, answered = TMemoryBuffer(body), TMemoryBuffer()
        TCLIService.Processor(self.server.services[name]).process(TBinaryProtocol(asked), TBinaryProtocol(answered))
        return answered.getvalue()

    def _give_token(self) -> None:
        secret = base64.b64encode(f"{CLIENT}:{self.server.token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {secret}":
            self._answer(401, b'{"error": "invalid_client"}', "application/json")
            return
        answer = {"access_token": self.server.token, "token_type": "Bearer", "expires_in": 3600}
        self._answer(200, json.dumps(answer).encode(), "application/json")

    def _control(self, name: str) -> None:
        if name == "forget":
            for service in self.server.services.values():
                service.forget()
        elif name == "arrived":
            self.server.arrived.wait(60)
        elif name == "accept":
            self.server.accepted.set()
        self._answer(200, json.dumps(self.server.seen).encode(), "application/json")

    def _fail(self, name: str) -> None:
        if name == "drop":
            self.close_connection = True
            return
        headers = {"Retry-After": "1"} if name in ("429", "503") else {}
        text = "TEMPORARILY_UNAVAILABLE: The warehouse is starting." if name == "503" else f"fault {name}"
        self._answer(int(name), headers={**headers, "x-thriftserver-error-message": text})

    def _answer(
        self, status: int, body: bytes = b"", kind: str = "text/plain", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def setup(self) -> None:
        self.request.settimeout(60)  # the handshake is done on this connection's own thread
        self.request.do_handshake()
        super().setup()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="with cert.pem, key.pem and the file token")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    Server(arguments.port, arguments.folder, (arguments.folder / "token").read_text()).serve_forever()


if __name__ == "__main__":
    main()
