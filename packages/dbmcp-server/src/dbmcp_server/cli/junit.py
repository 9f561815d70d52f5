"""Results of tests as JUnit's XML, which every CI knows: the elements and attributes that its schemas ask for."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from dbmcp_server.cli.told import place

if TYPE_CHECKING:
    from dbmcp_core.tools.problems import Problem
    from dbmcp_core.tools.review.expectations import TestResult

__all__ = ["write_junit"]

#: Characters that XML can't hold.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, project: str, results: Sequence[TestResult], errors: Sequence[Problem] = ()) -> None:
    """Write *results* into the file at *path*; each of *errors*, for which something isn't tested, is a case too."""
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", {"id": "0", "package": _clean(project), "name": "dbmcp"})
    suite.attrib |= {
        "tests": str(len(results) + len(errors)),
        "failures": str(sum(one.status == "failed" for one in results)),
        "errors": str(sum(one.status == "error" for one in results) + len(errors)),
        "time": _seconds(sum(one.elapsed_s for one in results)),
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": socket.gethostname() or "localhost",
    }
    ET.SubElement(suite, "properties")
    for problem in errors:
        case = _case(suite, "files", problem.subject or problem.place.path.name, 0.0)
        _fault(case, "error", "load", problem.message, f"{place(problem.place)}: {problem.message}")
    for one in results:
        case = _case(suite, f"{one.kind}.{one.key}", one.name, one.elapsed_s)
        if one.status != "passed":
            kind = "failure" if one.status == "failed" else "error"
            _fault(case, kind, one.status, one.message or "", f"{place(one.place)}: {one.message}")
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(suite: ET.Element, classname: str, name: str, elapsed_s: float) -> ET.Element:
    names = {"classname": _clean(classname), "name": _clean(name), "time": _seconds(elapsed_s)}
    return ET.SubElement(suite, "testcase", names)


def _fault(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    ET.SubElement(case, tag, {"type": kind, "message": _clean(message)}).text = _clean(text)


def _seconds(elapsed_s: float) -> str:
    return f"{elapsed_s:.3f}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
