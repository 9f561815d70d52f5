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

from against_mxcp.calls import Call
from peers import Stdio

HERE = Path(__file__).resolve().parent
LONGEST_S = 300
UNSTARTED = "the server doesn't start"
#: What a project's configuration gets for the variables that it asks for: its services aren't called.
NOWHERE = "https://127.0.0.1:9"
#: What a server lists, by which key of the answer, and what each of it is called by.
_LISTS = {
    "tools/list": ("tools", "name"),
    "prompts/list": ("prompts", "name"),
    "resources/list": ("resources", "uri"),
    "resources/templates/list": ("resourceTemplates", "uriTemplate"),
}


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
        except RuntimeError:
            return [Answer(False, error=UNSTARTED)] * len(calls), Checked({}, UNSTARTED)
        with session:
            return [session.call(call) for call in calls], Checked(session.listed(), "isn't there")


class Session:
    """A server of one system, and a client of it; a server that dies or hangs is started again."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._server = self._started()

    def _started(self) -> Stdio:
        command = [self._system.command, "serve", "--transport", "stdio", "--ignore-errors"]
        return Stdio(command, cwd=self._system.folder, env=self._system.environment())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def listed(self) -> dict[Call, Answer]:
        """Return what the server lists, each with its description."""
        return {
            Call(method, item[key]): Answer(True, item.get("description"))
            for method, (name, key) in _LISTS.items()
            for item in self._server.request(method, {})[name]
        }

    def call(self, call: Call) -> Answer:
        """Make *call*, as a client of its kind would."""
        watch = threading.Timer(LONGEST_S, self._server.popen.kill)
        watch.start()
        try:
            if call.kind == "tool":
                return _of_tool(self._server.answer("tools/call", {"name": call.name, "arguments": call.arguments}))
            if call.kind == "prompt":
                return _of_prompt(self._server.answer("prompts/get", {"name": call.name, "arguments": call.arguments}))
            return _of_resource(self._server.answer("resources/read", {"uri": _filled(call)}))
        except (RuntimeError, BrokenPipeError) as error:
            self._server.__exit__()
            self._server = self._started()
            return Answer(False, error=str(error))
        finally:
            watch.cancel()


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
