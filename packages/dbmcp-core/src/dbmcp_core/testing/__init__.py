"""The contract kit: what an engine promises, as pytest classes that its author inherits. Needs ``dbmcp-core[testing]``.

::

    class TestShop(SQLContract):
        @pytest.fixture
        def engine(self) -> Engine:
            return Shop()

        @pytest.fixture
        def settings(self, tmp_path: Path) -> dict[str, object]:  # of a writable, empty database
            return {"filename": str(tmp_path / "shop.db")}
"""

import pytest

# So that a failing assert of the kit shows its values, as one in a test's own file does.
_REWRITTEN = ("base", "contract", "pages", "reads", "sql_safety", "sql_schema", "sql_values", "stops")
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _REWRITTEN))

from dbmcp_core.testing.base import Contract, drain, in_threads  # noqa: E402 - after the line above
from dbmcp_core.testing.caller import Caller  # noqa: E402
from dbmcp_core.testing.contract import EngineContract  # noqa: E402
from dbmcp_core.testing.data import AUTHOR, BLOBS, BOOK, FLOATS, INTEGERS, TEXTS, VIEW, Table  # noqa: E402
from dbmcp_core.testing.fakes import (  # noqa: E402
    FakeDatabase,
    FakeEngine,
    FakeSettings,
    Hold,
    WatchedRunning,
    captured_records,
)
from dbmcp_core.testing.sql import SQLContract  # noqa: E402

__all__ = [
    "AUTHOR",
    "BLOBS",
    "BOOK",
    "FLOATS",
    "INTEGERS",
    "TEXTS",
    "VIEW",
    "Caller",
    "Contract",
    "EngineContract",
    "FakeDatabase",
    "FakeEngine",
    "FakeSettings",
    "Hold",
    "SQLContract",
    "Table",
    "WatchedRunning",
    "captured_records",
    "drain",
    "in_threads",
]
