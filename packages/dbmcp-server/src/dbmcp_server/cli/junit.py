"""Results of tests as JUnit's XML, which every CI knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from dbmcp_core.tools.expectations import TestResult

__all__ = ["write_junit"]

#: Characters that XML can't hold.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, results: Sequence[TestResult]) -> None:
    """Write *results* into the file at *path*."""
    counts = {name: str(sum(one.status == status for one in results)) for name, status in _STATUS.items()}
    suite = ET.Element("testsuite", {"name": "dbmcp", "tests": str(len(results)), **counts})
    suite.set("time", f"{sum(one.elapsed_s for one in results):.4f}")
    for one in results:
        names = {"classname": f"{one.kind}.{one.key}", "name": one.name, "time": f"{one.elapsed_s:.4f}"}
        case = ET.SubElement(suite, "testcase", {key: _clean(value) for key, value in names.items()})
        if one.status != "passed":
            kind = "failure" if one.status == "failed" else "error"
            ET.SubElement(case, kind, {"message": _clean(one.message or "")})
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


_STATUS = {"failures": "failed", "errors": "error"}


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
