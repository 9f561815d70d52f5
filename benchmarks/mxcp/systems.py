"""Both systems, each by its command line and over MCP: a call goes in, an answer of one form comes back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from calls import Call

HERE = Path(__file__).resolve().parent
LONGEST_S = 300
UNSTARTED = "the server doesn't start"
#: What a project's configuration gets for the variables that it asks for: its services aren't called.
NOWHERE = "https://127.0.0.1:9"
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "compare", "version": "1"}}


#: What a server lists, and what each of it is called by.
_LISTS = {"tools": "name", "prompts": "name", "resources": "uri", "resources/templates": "uriTemplate"}
_LISTED = {"resources/templates": "resourceTemplates"}


@dataclass(frozen=True)
class Answer:
    """What a call gave: a value, or the text of an error; over MCP the blocks of text as well, read as JSON."""

    ok: bool
    value: Any = None
    error: str = ""
    blocks: list[Any] = field(default_factory=list)


class Checked(NamedTuple):
    """What a system has to say of what it has, and why there is no more."""

    found: dict[Call, Answer]
    absent: str


@dataclass(frozen=True)
class System:
    """One of the two: its name, its Python, and its own copy of the project."""

    name: str
    python: str
    folder: Path

    @property
    def command(self) -> str:
        """The program that its package installs beside its Python."""
        return str(Path(self.python).parent / self.name)

    def environment(self) -> dict[str, str]:
        """Return the environment that all its processes have."""
        env = {**os.environ, "MXCP_DISABLE_ANALYTICS": "1", "HOME": str(self.folder.parent)}
        env.pop("MXCP_CONFIG", None)
        for config in (self.folder / "mxcp-config.yml", self.folder / "config.yml"):
            if config.exists():
                wanted = re.findall(r"\$\{(\w+)\}", config.read_text(encoding="utf-8"))
                return {**dict.fromkeys(wanted, NOWHERE), **env, "MXCP_CONFIG": str(config)}
        return env

    def commands(self, lines: Sequence[list[str]]) -> list[dict[str, Any]]:
        """Run each of *lines*, and return its ``exit`` and ``output``; fewer where the process died."""
        done = subprocess.run(
            [self.python, str(HERE / "command_line.py"), self.name, str(self.folder)],
            input="".join(json.dumps(line) + "\n" for line in lines),
            capture_output=True,
            text=True,
            env=self.environment(),
            check=False,
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        if len(found) < len(lines):
            print(f"{self.name} died in {self.folder.name}: {done.stderr[-500:]}", file=sys.stderr)
        return found

    def by_command(self, calls: Sequence[Call]) -> list[Answer]:
        """Make *calls* with ``run``."""
        answers = [_of_command(found) for found in self.commands([self._line(call) for call in calls])]
        return answers + [Answer(False, error="the process died")] * (len(calls) - len(answers))

    def checked(self) -> Checked:
        """Return what ``validate`` says of each file, and ``test`` of each test."""
        lines = [[which, "--json-output"] for which in ("validate", "test")]
        validated, tested = (_of_command(one) for one in self.commands(lines))
        found: dict[Call, Answer] = {}
        for one in (validated.value or {}).get("validated", []):
            path = Path(self.folder, one["path"]).relative_to(self.folder)
            found[Call("validate", str(path))] = Answer(True, one["status"])
        for endpoint in (tested.value or {}).get("endpoints", []):
            for one in endpoint["test_results"].get("tests") or []:
                found[Call("test", endpoint["endpoint"], one["name"])] = Answer(True, one["status"])
        return Checked(found, f"isn't there {validated.error} {tested.error}".strip())

    def _line(self, call: Call) -> list[str]:
        line = ["run", call.kind, call.name, "--json-output"]
        for key, value in call.arguments.items():
            if isinstance(value, str) and not value.startswith("@"):
                line += ["-p", f"{key}={value}"]
            else:
                line += ["-p", f"{key}=@{self._file(value)}"]
        return line if call.user is None else [*line, "--user-context", json.dumps(call.user)]

    def _file(self, value: Any) -> Path:
        text = json.dumps(value, default=str)
        path = self.folder.parent / f"{abs(hash(text))}.json"
        path.write_text(text, encoding="utf-8")
        return path

    def by_mcp(self, calls: Sequence[Call]) -> tuple[list[Answer], Checked]:
        """Make *calls* of ``serve`` on the standard streams; return the answers, and what it lists."""
        try:
            session = Session(self)
        except EOFError:
            return [Answer(False, error=UNSTARTED)] * len(calls), Checked({}, UNSTARTED)
        with session:
            listed = {
                Call(f"{method}/list", item[key]): Answer(True, item.get("description"))
                for method, key in _LISTS.items()
                for item in session.request(f"{method}/list", {})["result"][_LISTED.get(method, method)]
            }
            return [session.call(call) for call in calls], Checked(listed, "isn't there")


class Session:
    """A server of one system, and a client of it; a server that dies or hangs is started again."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._start()

    def _start(self) -> None:
        self._server = subprocess.Popen(
            [self._system.command, "serve", "--transport", "stdio", "--ignore-errors"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._system.folder,
            env=self._system.environment(),
        )
        self._id = 0
        self.request("initialize", INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.communicate()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(message).encode() + b"\n")
        self._server.stdin.flush()

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request, and return the message that answers it."""
        assert self._server.stdout is not None
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        watch = threading.Timer(LONGEST_S, self._server.kill)
        watch.start()
        try:
            for line in self._server.stdout:
                message: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
                if message.get("id") == self._id:
                    return message
        finally:
            watch.cancel()
        raise EOFError(f"{self._system.name} ended in {self._system.folder.name}")

    def call(self, call: Call) -> Answer:
        """Make *call*, as a client of its kind would."""
        try:
            if call.kind == "tool":
                return _of_tool(self.request("tools/call", {"name": call.name, "arguments": call.arguments}))
            if call.kind == "prompt":
                return _of_prompt(self.request("prompts/get", {"name": call.name, "arguments": call.arguments}))
            return _of_resource(self.request("resources/read", {"uri": _filled(call)}))
        except (EOFError, BrokenPipeError) as error:
            self.__exit__()
            self._start()
            return Answer(False, error=str(error))


def _filled(call: Call) -> str:
    uri = call.name
    for key, value in call.arguments.items():
        uri = uri.replace("{" + key + "}", quote(value if isinstance(value, str) else json.dumps(value), safe=""))
    return uri


def _of_command(found: dict[str, Any]) -> Answer:
    try:
        envelope = json.loads(found["output"])
    except ValueError:
        return Answer(found["exit"] == 0, value=found["output"], error=found["failure"] or "")
    if not isinstance(envelope, dict) or envelope.get("status") != "ok":
        return Answer(False, error=str(envelope.get("error") if isinstance(envelope, dict) else envelope))
    return Answer(True, value=envelope.get("result"))


def _of_tool(message: dict[str, Any]) -> Answer:
    result = message.get("result", {})
    texts = [str(block.get("text")) for block in result.get("content", [])]
    if "error" in message or result.get("isError"):
        return Answer(False, error=str(message.get("error", {}).get("message") or texts))
    return Answer(True, value=result.get("structuredContent"), blocks=[_parsed(text) for text in texts])


def _of_prompt(message: dict[str, Any]) -> Answer:
    if "error" in message:
        return Answer(False, error=str(message["error"].get("message")))
    return Answer(True, value=[[item["role"], item["content"].get("text")] for item in message["result"]["messages"]])


def _of_resource(message: dict[str, Any]) -> Answer:
    if "error" in message:
        return Answer(False, error=str(message["error"].get("message")))
    contents = message["result"]["contents"]
    return Answer(
        True,
        value=[_parsed(str(item.get("text"))) for item in contents],
        blocks=[item.get("mimeType") for item in contents],
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
