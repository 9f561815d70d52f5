"""Settings of a source: typed, validated, with environment names, and with secrets that never show.

An engine's settings are a class under ``Settings``; its fields are the keys of a source in ``dbmcp.toml``, of
``connect-database``'s ``config`` and, in capitals behind ``MCP_<ENGINE>_``, of the environment.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, dataclass_transform, runtime_checkable

from dbmcp_core.errors import ConfigError

__all__ = ["Options", "Secret", "SettingValue", "Settings", "nearest", "plain", "redact", "setting", "to_bool"]

MASK = "***"


class Secret:
    """A text that never shows: only ``reveal`` gives it out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; for the driver, and for nobody else."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> typing.NoReturn:
        raise TypeError("A Secret can't be pickled.")


#: Begins at the colon, not at the scheme: a long text without any URL must not be scanned again from each letter.
_URL_PASSWORD = re.compile(r"(?P<before>://[^\s/:@]*:)[^\s/]+(?=@)")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return *text* with every one of *secrets*, and the password of every URL in it, masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _URL_PASSWORD.sub(rf"\g<before>{MASK}", text)


@runtime_checkable
class SettingValue(Protocol):
    """A class of an engine's own that a field of its settings may have."""

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return what *value* spells; a ValueError says what was wanted, and never shows a secret."""
        ...

    def secrets(self) -> Iterable[str]:
        """Return the texts in it that must never show; its ``repr`` must not show them, either."""
        ...


def setting(
    default: Any = dataclasses.MISSING,
    *,
    doc: str,
    aliases: tuple[str, ...] = (),
    operator: bool = False,
    environment: tuple[str, ...] = (),
) -> Any:
    """Declare one field of an ``Options`` class.

    Args:
        default: Its value when it isn't set; without one the setting is required.
        doc: What it means, in one sentence, with its unit.
        aliases: Other names that it is known by. The camelCase spelling of its name always is.
        operator: Whether only the operator may set it, not a client that opens a connection of its own.
        environment: The variables that the database's own tools take it from, the strongest first. They count where
            ``MCP_<ENGINE>_<SETTING>`` isn't set, and only for the source that the environment makes.
    """
    metadata = {"doc": doc, "aliases": aliases, "operator": operator, "environment": environment}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(setting,))
class Options:
    """A table of settings: a class under it is a frozen dataclass, without a decorator, whose fields are the keys.

    Its methods are inherited. ``dataclass`` would write and compile six for each class, at every start of a program
    that has all engines and uses one.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, **values: Any) -> None:
        if missing := [name for name in self.required() if name not in values]:
            raise TypeError(f"{type(self).__name__} wants {', '.join(map(repr, missing))}.")
        for field in _fields(type(self)):
            made = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            object.__setattr__(self, field.name, values.pop(field.name, made))
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(map(repr, values))}.")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields together; a ValueError says what is wrong with them."""

    def __setattr__(self, name: str, value: object) -> typing.NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> typing.NoReturn:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    @classmethod
    def build(cls, values: Mapping[str, object], *, where: str) -> Self:
        """Return the settings that *values* spell, in Python's names or in camelCase.

        Args:
            values: Names to values; texts, as the environment has them, are converted.
            where: What to call these values in an error: a file, a variable, a URL.

        Raises:
            ConfigError: naming everything that is wrong, each with its remedy; no value that is a secret shows.
        """
        names = cls.names()
        found: dict[str, object] = {}
        problems: list[str] = []
        for key, value in values.items():
            name = names.get(plain(key))
            if name is None:
                problems.append(f"unknown setting {key!r}{nearest(key, *cls._spellings())}")
            elif name in found:
                problems.append(f"{name!r} is set twice, the second time as {key!r}")
            else:
                try:
                    found[name] = _convert(value, _hints(cls)[name])
                except ValueError as exc:
                    problems.append(f"{name!r} {exc}")
        problems += [f"{name!r} is missing" for name in cls.required() if name not in found]
        if problems:
            raise ConfigError(f"{where}: {'; '.join(problems)}.", details={"problems": problems})
        try:
            return cls(**found)
        except ValueError as exc:  # from __post_init__
            raise ConfigError(f"{where}: {exc}.", details={"problems": [str(exc)]}) from None

    @classmethod
    def names(cls) -> dict[str, str]:
        """Return every name a setting goes by, lower case without underscores, and the field it means."""
        return {
            plain(alias): field.name
            for field in _fields(cls)
            for alias in (field.name, *field.metadata.get("aliases", ()))
        }

    @classmethod
    def _spellings(cls) -> tuple[list[str], list[str]]:
        """Return the names of the settings, and their aliases."""
        aliases = [alias for field in _fields(cls) for alias in field.metadata.get("aliases", ())]
        return [field.name for field in _fields(cls)], aliases

    @classmethod
    def from_variables(cls, values: Mapping[str, object], variables: Mapping[str, str]) -> dict[str, object]:
        """Return *values*, with what they leave out from the variables of the database's own tools.

        Empty ones don't count. A class whose settings exclude each other leaves out what *values* have decided.
        """
        names = cls.names()
        given = {names.get(plain(key)) for key in values}
        found = dict(values)
        for field in _fields(cls):
            texts = (variables.get(name, "").strip() for name in field.metadata.get("environment", ()))
            text = next(filter(None, texts), None)
            if text is not None and field.name not in given:
                found[field.name] = text
        return found

    @classmethod
    def required(cls) -> list[str]:
        """Return the names of the settings that have no default."""
        missing = dataclasses.MISSING
        return [f.name for f in _fields(cls) if f.default is missing and f.default_factory is missing]

    def operators_own(self) -> list[str]:
        """Return the names of what is set here and only an operator may set."""
        return [
            field.name
            for field in _fields(type(self))
            if field.metadata.get("operator") and getattr(self, field.name) != field.default
        ]

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that must never show."""
        found: list[str] = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, Secret):
                found.append(value.reveal())
            elif isinstance(value, SettingValue):
                found.extend(value.secrets())
        return tuple(found)


class Settings(Options):
    """The settings that every source has; an engine's own class adds to them."""

    read_only: bool = setting(True, doc="Refuse every statement that isn't a read.")
    timeout_s: float = setting(30.0, doc="Seconds until a statement is stopped in the database.")
    max_rows: int = setting(1_000, doc="Rows in one answer; the rest is read on by cursor.")
    max_bytes: int = setting(5_000_000, doc="Size of one answer's values, in bytes.")
    max_tokens: int | None = setting(None, doc="Size of one answer's values, in model tokens (an estimate).")
    max_concurrent: int = setting(16, doc="Statements that may run at once on this source; more wait their turn.")

    def changes_on_open(self) -> bool:
        """Return whether opening the source may itself change something, which a client isn't allowed to cause."""
        return False

    def relative_to(self, folder: Path) -> Self:  # noqa: ARG002 - for engines with files
        """Return these settings with relative paths taken from *folder*, where their configuration file stands."""
        return self


def nearest(word: str, known: Iterable[str], aliases: Iterable[str] = ()) -> str:
    """Return a remedy for a misspelt *word*: the nearest of *known* and their *aliases*, or all that are known."""
    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), [*names, *aliases], n=1, cutoff=0.55)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""


def _fields(cls: type[Options]) -> tuple[dataclasses.Field[Any], ...]:
    if vars(cls)["__dataclass_params__"].init:  # the decorator sees defaults where settings stood
        raise TypeError(f"{cls.__name__} is a dataclass already: take @dataclass away from it.")
    return dataclasses.fields(cls)


def _hints(cls: type[Options]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def plain(key: str) -> str:
    """Return *key* as names of settings are compared: ``readOnly``, ``read_only`` and ``READ-ONLY`` are one."""
    return key.replace("_", "").replace("-", "").lower()


def _convert(value: object, hint: Any) -> object:
    """Return *value* as *hint* says; a ValueError says what was wanted, and never shows a secret."""
    kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType] if _is_union(hint) else [hint]
    if value is None and types.NoneType in typing.get_args(hint):
        return None
    errors = []
    for kind in kinds:
        try:
            own = getattr(kind, "from_setting", None)
            return own(value) if own is not None else _CONVERTERS[typing.get_origin(kind) or kind](value)
        except ValueError as exc:
            errors.append(exc)
    raise errors[0]


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


def to_bool(value: object) -> bool:
    """Return what *value* says, a boolean or a word for one; a ValueError says what was wanted."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError(f"wants true or false, not {value!r}")


def _to_number(kind: type[int | float], wanted: str) -> Callable[[object], float]:
    def convert(value: object) -> float:
        try:
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise TypeError
            number = kind(value)
            if number < 0 or number != number or (kind is int and isinstance(value, float) and number != value):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"wants {wanted}, not {value!r}") from None
        return number

    return convert


def _to_text(value: object) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"wants a text, not {type(value).__name__}")


def _to_secret(value: object) -> Secret:
    return value if isinstance(value, Secret) else Secret(_to_text(value))


def _to_texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise ValueError(f"wants a list of texts, not {type(value).__name__}")


_CONVERTERS: dict[object, Callable[[object], object]] = {
    bool: to_bool,
    int: _to_number(int, "a whole number from 0"),
    float: _to_number(float, "a number from 0"),
    str: _to_text,
    Secret: _to_secret,
    tuple: _to_texts,
}
