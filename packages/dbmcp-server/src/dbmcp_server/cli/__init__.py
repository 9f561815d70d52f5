"""The command line: ``dbmcp``. One module a command group, loaded when one of its commands is asked for."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

__all__ = ["app", "main", "serve_main"]

#: Every command and the module that has its function (of another name behind a colon), in the order of ``--help``.
_COMMANDS = {
    "serve": "dbmcp_server.cli.serve",
    "query": "dbmcp_server.cli.query",
    "tables": "dbmcp_server.cli.schema",
    "describe": "dbmcp_server.cli.schema",
    "search": "dbmcp_server.cli.schema",
    "init": "dbmcp_server.cli.init",
    "run": "dbmcp_server.cli.tools",
    "list": "dbmcp_server.cli.tools:list_all",
    "validate": "dbmcp_server.cli.checks",
    "lint": "dbmcp_server.cli.checks",
    "test": "dbmcp_server.cli.checks:run_tests",
    "drift": "dbmcp_server.cli.drift",
    "log": "dbmcp_server.cli.log",
    "sources": "dbmcp_server.cli.status",
    "doctor": "dbmcp_server.cli.status",
    "plugins": "dbmcp_server.cli.status",
    "config": "dbmcp_server.cli.hosts",
    "demo": "dbmcp_server.cli.demo",
}

#: Before each paragraph that is to keep its lines.
_AS_IT_STANDS = "\b\n"
_EPILOG = f"""\
{_AS_IT_STANDS}A SOURCE is
  a URL                     sqlite:///shop.db  postgresql://me@host/shop
  a URL with a name         crm=postgresql://me@host/crm
  the path of a file        shop.db
  a configured one's name   from dbmcp.toml, DBMCP_URL or MCP_<ENGINE>_<SETTING>

{_AS_IT_STANDS}Exit codes:
  0    done
  1    the database, or the statement, failed; a limit was reached
  2    the command line is wrong
  3    the configuration or a plugin is wrong; there is no such source
  4    refused, by the guard or a policy: the database never saw the statement
  130  interrupted; the statement was stopped in the database
"""


class _Commands(TyperGroup):
    """The commands, each imported when it is needed; and the one place where an error becomes an exit code."""

    #: Whether a program reads what is written.
    _wants_json = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class hands it over
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in self.commands and cmd_name in _COMMANDS:
            single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
            module, _, function = _COMMANDS[cmd_name].partition(":")
            single.command(cmd_name)(getattr(import_module(module), function or cmd_name))
            self.commands[cmd_name] = get_command(single)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self._wants_json = not {"--json", "--json-output"}.isdisjoint(args)
        for name in _COMMANDS if args and args[0] not in _COMMANDS else ():
            self.get_command(ctx, name)  # so that a misspelt one finds the nearest
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # `| head` has read enough
            _drop_output()
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception as exc:
            from dbmcp_server.cli.failure import exit_code, show

            code = exit_code(exc)
            said = getattr(exc, "format_message", None)  # what is wrong with the command line has one
            if self._wants_json and (code is not None or said is not None):
                from dbmcp_server.cli.output import write_json

                write_json({"status": "error", "error": said() if said is not None else str(exc)})
                raise typer.Exit(getattr(exc, "exit_code", 2) if code is None else code) from None
            if code is None:
                raise
            show(exc)
            raise typer.Exit(code) from None
        return result


def _drop_output() -> None:
    """Let the interpreter's own last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


app = typer.Typer(
    cls=_Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"dbmcp {version('dbmcp-server')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Log more on stderr; twice for everything."
        ),
    ] = 0,
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every database behind one MCP server, read-only unless you say otherwise.

    "dbmcp serve shop.db" is what an assistant's host starts; "dbmcp config HOST" prints what to write into its
    configuration, "dbmcp demo" shows it all at work.
    """
    if verbose:
        logging.getLogger().setLevel(logging.DEBUG if verbose > 1 else logging.INFO)


def main(args: Sequence[str] | None = None, *, name: str = "dbmcp") -> None:
    """Run ``dbmcp`` with *args*, those of the process if left out, and exit."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # no text of a database breaks the output
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        app(args=list(sys.argv[1:] if args is None else args), prog_name=name)
    except KeyboardInterrupt:  # before the command had begun, or while it ended
        sys.exit(130)


def serve_main() -> None:
    """Run ``dbmcp-server``, which is ``dbmcp serve``: so ``uvx dbmcp-server`` is all that a host needs."""
    args = sys.argv[1:]
    main(args if args[:1] == ["--version"] else ["serve", *args])
