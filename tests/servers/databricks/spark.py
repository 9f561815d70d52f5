"""Spark in this process as the engine behind the service: native parameters, Arrow, cancel by job group."""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
import threading
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import information_schema
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as st
from service import Result, SqlError

__all__ = ["Spark"]

_DERBY = {
    "": "org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog",
    ".url": "jdbc:derby:memory:main;create=true",
    ".driver": "org.apache.derby.iapi.jdbc.AutoloadedDriver",
}
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    **{f"spark.sql.catalog.main{name}": value for name, value in _DERBY.items()},
}
#: Where Thrift calls a type by another name than Spark; what is in neither is Spark's name with _TYPE.
_THRIFT = {"INTEGER": "INT", "LONG": "BIGINT", "SHORT": "SMALLINT", "BYTE": "TINYINT", "TIMESTAMP_NTZ": "TIMESTAMP"}
_THRIFT |= {"VOID": "NULL", "VARIANT": "STRING", "DAYTIMEINTERVAL": "INTERVAL_DAY_TIME", "TIME": "STRING"}
_THRIFT |= {"YEARMONTHINTERVAL": "INTERVAL_YEAR_MONTH", "CALENDARINTERVAL": "STRING"}
#: What Databricks sends as text unless it is asked for more.
_AS_TEXT = (st.DayTimeIntervalType, st.YearMonthIntervalType, st.CalendarIntervalType, st.VariantType, st.TimeType)


class Spark:
    """All sessions of one Spark, which starts with the first."""

    def __init__(self, folder: Path, *, information: bool = False) -> None:
        self._folder = folder
        self._information = information
        self._starting = threading.Lock()
        self._first: SparkSession | None = None

    def with_information_schema(self) -> Spark:
        """Return the same Spark, with an information schema."""
        other = Spark(self._folder, information=True)
        other._spark = self._spark  # type: ignore[method-assign]
        return other

    def _spark(self) -> SparkSession:
        with self._starting:
            if self._first is None:
                os.environ["PYSPARK_PYTHON"] = sys.executable
                # More threads than cores: some tests have statements that run on beside others.
                builder = SparkSession.builder.master("local[12]").config(
                    "spark.sql.warehouse.dir", f"{self._folder}/data"
                )
                for name, value in _SETTINGS.items():
                    builder = builder.config(name, value)
                self._first = builder.getOrCreate()
                self._first.sparkContext.setLogLevel("OFF")
            return self._first

    def open(self, configuration: Mapping[str, str], catalog: str | None, schema: str | None) -> SparkSession:
        session = self._spark().newSession()
        for name, value in configuration.items():
            session.conf.set(name, value)
        try:
            if catalog is not None:
                _use_catalog(session, catalog)
            if schema is not None:
                session.sql(f"USE `{schema.replace('`', '``')}`")
        except SqlError:
            raise
        except Exception as error:
            raise _sql_error(error) from error
        return session

    def run(self, session: SparkSession, text: str, parameters: list[Any], tag: str) -> Result:
        session.sparkContext.setJobGroup(tag, tag, interruptOnCancel=True)
        values = [_value(parameter) for parameter in parameters]
        named = {parameter.name: value for parameter, value in zip(parameters, values, strict=True) if parameter.name}
        try:
            if self._information:
                text = information_schema.replaced(session, text)
            frame = session.sql(text, args=(named or values) or None)
            return _result(frame)
        except Exception as error:
            raise _sql_error(error) from error

    def cancel(self, tag: str) -> None:
        # Its jobs may only be about to begin.
        self._spark().sparkContext._jsc.sc().cancelJobGroupAndFutureJobs(tag)


def _use_catalog(session: SparkSession, name: str) -> None:
    try:
        session.sql(f"SET CATALOG `{name.replace('`', '``')}`")
    except Exception as error:  # Spark's own names its classes; Databricks has a condition for it
        if "CatalogNotFoundException" not in str(error):
            raise _sql_error(error) from error
        text = f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{name}' was not found. SQLSTATE: 42704"
        raise SqlError(text, "42704") from error


def _result(frame: DataFrame) -> Result:
    fields = frame.schema.fields
    names = [str(number) for number in range(len(fields))]  # two columns may have one name
    plain = frame.toDF(*names) if fields else frame
    plain = plain.select(*(_sent(plain[name], field.dataType) for name, field in zip(names, fields, strict=True)))
    table: pa.Table = plain.toArrow()
    schema = pa.schema(
        pa.field(field.name, sent.type, metadata={"Spark:DataType:SqlName": field.dataType.simpleString().upper()})
        for field, sent in zip(fields, table.schema, strict=True)
    )
    return Result(
        schema, [_thrift(field.dataType) for field in fields], iter([table.rename_columns(schema.names).cast(schema)])
    )


def _sent(column: Column, kind: st.DataType) -> Column:
    return column.cast("string") if isinstance(kind, _AS_TEXT) else column


def _thrift(kind: st.DataType) -> str:
    name = re.sub(r"TYPE$", "", type(kind).__name__.upper()).replace("TIMESTAMPNTZ", "TIMESTAMP_NTZ")
    name = "VOID" if name == "NULL" else name
    return f"{_THRIFT.get(name, name)}_TYPE"


def _value(parameter: Any) -> Any:
    """Return a parameter as Spark's own literal."""
    kind = parameter.type.upper().partition("(")[0]
    if kind in ("ARRAY", "MAP"):
        items = [_value(item) for item in parameter.arguments]
        made = f.array if kind == "ARRAY" else f.create_map
        return made(*(f.lit(item) for item in items))
    value = getattr(parameter.value, "stringValue", parameter.value)
    return None if value is None or kind == "VOID" else _LITERALS.get(kind, str)(value)


_LITERALS = {
    **dict.fromkeys(("INT", "SMALLINT", "TINYINT"), int),
    "BIGINT": lambda text: f.expr(f"{int(text)}L"),  # of a Python int, Spark takes the size for the type
    **dict.fromkeys(("DOUBLE", "FLOAT"), float),
    "TIMESTAMP": dt.datetime.fromisoformat,
    "TIMESTAMP_NTZ": lambda text: f.expr(f"TIMESTAMP_NTZ '{dt.datetime.fromisoformat(text)}'"),
    # Not the date itself: on its way to Java the year 1 would lose its zeros.
    "DATE": lambda text: f.expr(f"DATE'{dt.date.fromisoformat(text)}'"),
    "DECIMAL": Decimal,
    "BOOLEAN": lambda text: text.lower() == "true",
}


def _sql_error(error: Exception) -> SqlError:
    if not isinstance(error, PySparkException):  # of Py4J
        return SqlError(str(error).strip().partition("\n\tat ")[0][-2_000:])
    return SqlError(str(error).partition("\n\nJVM stacktrace")[0], error.getSqlState())
