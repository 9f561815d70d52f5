"""Settings: typed, with the names people use, and secrets that never show."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core import ConfigError, Secret, Settings, setting
from dbmcp_core.settings import Options, redact


class Example(Settings):
    host_name: str = setting(doc="Where.", aliases=("server",))
    port: int = setting(5432, doc="Which port.")
    ratio: float | None = setting(None, doc="A number.")
    password: Secret | None = setting(None, doc="The password.")
    folders: tuple[str, ...] = setting((), doc="Folders.")


@pytest.mark.parametrize("name", ["host_name", "hostName", "HOST_NAME", "host-name", "server"])
def test_a_setting_goes_by_all_its_names(name: str) -> None:
    assert Example.build({name: "db"}, where="test").host_name == "db"


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"port": "6000"}, "port", 6000),
        ({"ratio": "0.5"}, "ratio", 0.5),
        ({"ratio": None}, "ratio", None),
        ({"readOnly": "no"}, "read_only", False),
        ({"read_only": "TRUE"}, "read_only", True),
        ({"folders": "a, b"}, "folders", ("a", "b")),
        ({"folders": ["a"]}, "folders", ("a",)),
        ({"password": "x"}, "password", Secret("x")),
        ({"password": 123}, "password", Secret("123")),
    ],
)
def test_texts_become_what_the_setting_is(values: dict[str, object], name: str, expected: object) -> None:
    assert getattr(Example.build({"host_name": "db", **values}, where="test"), name) == expected


class Famous(Settings):
    host: str = setting(doc="Where.", aliases=("server",), environment=("FAMOUS_HOST", "FAMOUS_SERVER"))
    port: int = setting(1, doc="Which port.", environment=("FAMOUS_PORT",))
    token: Secret | None = setting(None, doc="The token.")


@pytest.mark.parametrize(
    ("values", "variables", "expected"),
    [
        ({}, {"FAMOUS_HOST": "a", "FAMOUS_SERVER": "b"}, {"host": "a"}),
        ({}, {"FAMOUS_HOST": " ", "FAMOUS_SERVER": " b "}, {"host": "b"}),
        ({"SERVER": "mine"}, {"FAMOUS_HOST": "a", "FAMOUS_PORT": "2"}, {"SERVER": "mine", "port": "2"}),
        ({"host": "mine"}, {"TOKEN": "t", "HOST": "a", "famous_port": "2"}, {"host": "mine"}),
    ],
)
def test_variables_of_others_fill_in_what_is_left_out(
    values: dict[str, object], variables: dict[str, str], expected: dict[str, object]
) -> None:
    assert Famous.from_variables(values, variables) == expected


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "'host_name' is missing"),
        ({"host_name": "a", "prot": 1}, "did you mean 'port'"),
        ({"host_name": "a", "zzz": 1}, "known: "),
        ({"host_name": "a", "port": "many"}, "'port' wants a whole number"),
        ({"host_name": "a", "port": 1.5}, "'port' wants a whole number"),
        ({"host_name": "a", "port": True}, "'port' wants a whole number"),
        ({"host_name": "a", "timeout_s": -1}, "'timeout_s' wants a number from 0"),
        ({"host_name": "a", "read_only": "perhaps"}, "'read_only' wants true or false"),
        ({"host_name": "a", "server": "b"}, "set twice"),
        ({"host_name": ["a"]}, "'host_name' wants a text"),
        ({"host_name": "a", "folders": [1]}, "'folders' wants a list"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        Example.build(values, where="dbmcp.toml 'shop'")
    assert str(caught.value).startswith("dbmcp.toml 'shop': ")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Example.build({"prot": 1, "port": "x"}, where="test")
    assert len(caught.value.details["problems"]) == 3  # type: ignore[arg-type]


def test_a_wrong_secret_does_not_show_in_the_error() -> None:
    with pytest.raises(ConfigError) as caught:
        Example.build({"host_name": "a", "password": ["hunter2"]}, where="test")
    assert "hunter2" not in str(caught.value)


def test_a_secret_shows_nowhere_but_when_revealed() -> None:
    settings = Example.build({"host_name": "a", "password": "hunter2"}, where="test")
    assert settings.password is not None
    assert settings.password.reveal() == "hunter2"
    shown = f"{settings!r} {settings} {settings.password} {settings.password!r} {settings.password:>10}"
    assert "hunter2" not in shown
    assert settings.secrets() == ("hunter2",)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(settings.password)


def test_a_decorator_would_lose_what_settings_are_documented_with() -> None:
    @dataclass(kw_only=True)
    class Decorated(Settings):
        name: str = setting("x", doc="A name.", aliases=("title",))

    with pytest.raises(TypeError, match="take @dataclass away"):
        Decorated.build({"title": "y"}, where="test")


def test_a_default_may_be_made() -> None:
    class Listed(Settings):
        names: list[str] = dataclasses.field(default_factory=list)

    one, other = Listed(), Listed.build({}, where="test")
    assert one.names == other.names == []
    assert one.names is not other.names


def test_settings_are_values() -> None:
    one, same = (Example(host_name="a", password=Secret("x"), folders=("b",)) for _ in range(2))
    other = dataclasses.replace(one, port=1)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != Famous(host="a")
    assert (other.port, other.host_name) == (1, "a")
    assert repr(other).endswith("host_name='a', port=1, ratio=None, password=Secret('***'), folders=('b',))")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.port = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.port
    with pytest.raises(TypeError, match="wants 'host_name'"):
        Example()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'hots_name'"):
        Example(host_name="a", hots_name="b")  # type: ignore[call-arg]


@given(st.text(min_size=1).filter(lambda text: "*" not in text), st.text(), st.text())
def test_redact_leaves_nothing_of_a_secret(secret: str, before: str, after: str) -> None:
    if secret in before + after:
        return
    assert secret not in redact(f"{before}\0{secret}\0{after}", [secret])


@pytest.mark.parametrize(
    "url", ["postgres://u:hunter2@h/db", "mysql+x://u:hunter2@h:1/db?a=b", "see redis://:hunter2@h and go"]
)
def test_redact_masks_the_password_of_any_url(url: str) -> None:
    assert "hunter2" not in redact(url)
    assert "@h" in redact(url)


class _Pairs:
    """Settings of a class of its own."""

    def __init__(self, pairs: dict[str, str]) -> None:
        self._pairs = pairs

    @classmethod
    def from_setting(cls, value: object) -> _Pairs:
        if not isinstance(value, dict):
            raise ValueError("wants a table")
        return cls(value)

    def secrets(self) -> list[str]:
        return list(self._pairs.values())


class _WithPairs(Options):
    pairs: _Pairs | None = setting(None, doc="Pairs.")


def test_a_setting_may_have_a_class_of_its_own() -> None:
    assert _WithPairs.build({"pairs": {"a": "hidden"}}, where="x").secrets() == ("hidden",)
    assert _WithPairs.build({"pairs": None}, where="x").secrets() == ()
    with pytest.raises(ConfigError, match="'pairs' wants a table"):
        _WithPairs.build({"pairs": 3}, where="x")
