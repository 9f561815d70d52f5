"""Values as the connector's native parameters: each a text and the type that the server reads it as.

The connector's own guesses lose something: digits of decimals, the kind of ``bytes``, nulls in lists.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from databricks.sql.parameters.native import DbsqlParameterBase
from databricks.sql.thrift_api.TCLIService import ttypes

__all__ = ["parameters"]

_MAX_DIGITS = 38
_t: Any = ttypes  # generated, without types


class _Parameter(DbsqlParameterBase):
    """A value that knows its type; a list or map has items in place of a text."""

    def __init__(self, kind: str, text: str | None = None, items: Sequence[_Parameter] | None = None) -> None:
        self.name = None
        self.kind, self.text, self.items = kind, text, items

    def as_tspark_param(self, named: bool) -> Any:  # noqa: ARG002 - theirs may be named
        value = _t.TSparkParameterValue(stringValue=self.text) if self.text is not None else None
        items = [item.argument() for item in self.items] if self.items is not None else None
        return _t.TSparkParameter(ordinal=True, type=self.kind, value=value, arguments=items)

    def argument(self) -> Any:
        """Return the item of a list or map."""
        items = [item.argument() for item in self.items] if self.items is not None else None
        return _t.TSparkParameterValueArg(type=self.kind, value=self.text, arguments=items)


def parameters(values: Sequence[Any]) -> list[_Parameter]:
    """Return *values* as parameters.

    Raises:
        ValueError: A value has no type in SQL.
    """
    return [_parameter(value) for value in values]


def _parameter(value: Any) -> _Parameter:  # noqa: C901 - one line a type
    if value is None:
        return _Parameter("VOID")
    if isinstance(value, bool):
        return _Parameter("BOOLEAN", "true" if value else "false")
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _Parameter("DOUBLE", repr(float(value)) if math.isfinite(value) else _NOT_FINITE[str(float(value))])
    if isinstance(value, (str, UUID)):
        str(value).encode()  # a ValueError where it isn't text
        return _Parameter("STRING", str(value))
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, dt.datetime):
        return _Parameter("TIMESTAMP" if value.tzinfo else "TIMESTAMP_NTZ", value.isoformat(" "))
    if isinstance(value, dt.date):
        return _Parameter("DATE", value.isoformat())
    if isinstance(value, Mapping):
        return _Parameter("MAP", items=[_parameter(part) for pair in value.items() for part in pair])
    if isinstance(value, (list, tuple)):
        return _Parameter("ARRAY", items=_one_kind([_parameter(item) for item in value]))
    hint = ": write unhex(?) and give the bytes in hexadecimal" if isinstance(value, (bytes, bytearray)) else ""
    raise ValueError(f"a {type(value).__name__} can't be a parameter{hint}")


def _one_kind(items: list[_Parameter]) -> list[_Parameter]:
    """Return *items* with their whole numbers, or decimals, as one type, which an array's are."""
    kinds = {item.kind for item in items} - {"VOID"}
    if kinds == {"INT", "BIGINT"}:
        kind = "BIGINT"
    elif len(kinds) > 1 and all(one.startswith(("INT", "BIGINT", "DECIMAL")) for one in kinds):
        texts = [item.text.lstrip("-").partition(".") for item in items if item.text is not None]
        scale = max(len(fraction) for _, _, fraction in texts)
        precision = max(len(whole) for whole, _, _ in texts) + scale
        if precision > _MAX_DIGITS:
            raise ValueError(f"these numbers in one list need {precision} digits, and a DECIMAL has {_MAX_DIGITS}")
        kind = f"DECIMAL({precision},{scale})"
    else:
        return items
    return [item if item.kind == "VOID" else _Parameter(kind, item.text) for item in items]


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _integer(value: int) -> _Parameter:
    if -(2**31) <= value < 2**31:
        return _Parameter("INT", str(value))
    if -(2**63) <= value < 2**63:
        return _Parameter("BIGINT", str(value))
    return _decimal(Decimal(value))


def _decimal(value: Decimal) -> _Parameter:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("a DECIMAL has no NaN and no infinity")  # noqa: TRY004 - of the right type
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > _MAX_DIGITS:
        raise ValueError(f"a DECIMAL has at most {_MAX_DIGITS} digits")
    return _Parameter(f"DECIMAL({precision},{scale})", format(value, "f"))
