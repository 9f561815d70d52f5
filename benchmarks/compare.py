"""Make the same calls of MXCP and of dbmcp, on MXCP's own projects as they are, and name every difference.

    git clone https://github.com/raw-labs/mxcp
    python -m venv theirs && theirs/bin/pip install mxcp
    python benchmarks/compare.py mxcp --python theirs/bin/python

By ``run`` and over MCP, every test and example of a project is called, and again with each argument changed. ``test``,
``validate`` and what a server lists are compared too. It takes half an hour: MXCP starts for each project.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from against_mxcp.calls import Call, calls
from against_mxcp.differences import BOTH_REFUSE, SAME, name
from against_mxcp.systems import Answer, System


class Compared(NamedTuple):
    """One call, by one door, and what both said."""

    project: str
    door: str
    call: Call
    theirs: Answer
    ours: Answer

    @property
    def name(self) -> str:
        """What the answers are to each other."""
        return name(self.call, self.theirs, self.ours) or "open"

    def told(self) -> str:
        """Return the call and both answers, on two lines."""
        both = (f"{who} {_short(one)}" for who, one in (("MXCP", self.theirs), ("dbmcp", self.ours)))
        return f"{self.project}, {self.door}: {self.call}\n    {' | '.join(both)}"


def _short(answer: Answer) -> str:
    return (json.dumps(answer.value, default=str) if answer.ok else f"refuses: {answer.error}")[:300]


def compared(project: Path, name: str, python: str, *, own: bool) -> Iterator[Compared]:
    """Yield everything that is compared of one project, each system on a copy of its own."""
    todo = calls(project, own=own)
    anonymous = [call for call in todo if call.user is None]  # as everybody is over MCP who hasn't signed in
    with tempfile.TemporaryDirectory() as scratch:
        both = []
        for system in (
            System("mxcp", python, Path(scratch, "mxcp", "project")),
            System("dbmcp", sys.executable, Path(scratch, "dbmcp", "project")),
        ):
            shutil.copytree(project, system.folder)
            answers, listed = system.by_mcp(anonymous)
            both.append((system.checked(), dict(zip(todo, system.by_command(todo), strict=True)), answers, listed))
    (their_checks, their_runs, their_calls, their_lists), (our_checks, our_runs, our_calls, our_lists) = both
    for door, theirs, ours in (("command", their_checks, our_checks), ("MCP", their_lists, our_lists)):
        for call in {**theirs.found, **ours.found}:
            one, other = (side.found.get(call, Answer(False, error=side.absent)) for side in (theirs, ours))
            yield Compared(name, door, call, one, other)
    for call in todo:
        yield Compared(name, "run", call, their_runs[call], our_runs[call])
    for call, their_answer, our_answer in zip(anonymous, their_calls, our_calls, strict=True):
        yield Compared(name, "MCP", call, their_answer, our_answer)


def main() -> None:
    """Compare, and print what is the same, what differs by which name, and what is open."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", type=Path, help="a folder with projects of MXCP at any depth")
    parser.add_argument("--python", required=True, help="the Python that has MXCP")
    parser.add_argument("--only", nargs="*", default=[""], metavar="PART", help="projects whose path has one of these")
    parser.add_argument("--own", action="store_true", help="the projects' own tests and examples, no argument changed")
    parser.add_argument("--verbose", action="store_true", help="tell of every call that isn't the same")
    given = parser.parse_args()
    found: Counter[tuple[str, str]] = Counter()
    for site in sorted(given.projects.rglob("mxcp-site.yml")):
        name = str(site.parent.relative_to(given.projects))
        if not any(part in name for part in given.only):
            continue
        of_project: Counter[str] = Counter()
        for one in compared(site.parent, name, given.python, own=given.own):
            found[one.name, one.door] += 1
            of_project[one.name if one.name in (SAME, BOTH_REFUSE, "open") else "named"] += 1
            if one.name == "open" or (given.verbose and one.name != SAME):
                print(f"{one.name}: {one.told()}", flush=True)
        print(name, dict(of_project), flush=True)
    for door in ("run", "MCP", "command"):
        print(f"\n{door}: {sum(count for (_, which), count in found.items() if which == door)}")
        for text, count in sorted((text, count) for (text, which), count in found.items() if which == door):
            print(f"{count:6} {text}")


if __name__ == "__main__":
    main()
