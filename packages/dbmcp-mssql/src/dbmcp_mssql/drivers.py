"""Which ODBC driver there is, and what it is told: a connection string whose values can't become options."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import re
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

from dbmcp_core.errors import ConfigError, ConnectionFailed
from dbmcp_mssql.settings import MSSQLSettings

__all__ = ["ACCESS_TOKEN", "connection_string", "find_driver", "is_freetds", "packaged_driver", "packed_token"]

#: The driver's attribute for a token: SQL_COPT_SS_ACCESS_TOKEN.
ACCESS_TOKEN = 1256
_MICROSOFT = re.compile(r"ODBC Driver (\d+) for SQL Server")
_PACKAGE = "mssql_python_odbc"
_REMEDIES = (
    "Install one: pip install 'dbmcp-mssql[driver]', or Microsoft's ODBC Driver 18 for SQL Server, or FreeTDS "
    "(apt-get install tdsodbc). A file can be named by the setting 'driver'."
)


def find_driver(settings: MSSQLSettings, installed: list[str], packaged: Path | None) -> str:
    """Return the driver to use: the one that is set, else Microsoft's newest, the packaged one, FreeTDS.

    Raises:
        ConnectionFailed: There is none.
    """
    if settings.driver is not None:
        return _named(settings.driver, installed)
    versions = {int(match[1]): name for name in installed if (match := _MICROSOFT.fullmatch(name))}
    if versions:
        return versions[max(versions)]
    if packaged is not None:
        return str(packaged)
    free = next((name for name in installed if is_freetds(name)), None)
    if free is None:
        raise ConnectionFailed("There is no ODBC driver for SQL Server on this computer.", hint=_REMEDIES)
    return free


def _named(driver: str, installed: list[str]) -> str:
    name = driver.strip().removeprefix("{").removesuffix("}")
    known = {one.lower(): one for one in installed}
    if name.lower() in known:
        return known[name.lower()]
    if Path(name).is_file():
        return name
    found = f"Installed are: {', '.join(installed)}." if installed else "None is installed."
    raise ConfigError(f"There is no ODBC driver {name!r}.", hint=f"{found} {_REMEDIES}")


def packaged_driver() -> Path | None:
    """Return the driver that Microsoft's own Python package brings, if it is installed."""
    if sys.platform == "win32" or importlib.util.find_spec(_PACKAGE) is None:
        return None  # on Windows a driver has to be registered
    root = Path(importlib.import_module(_PACKAGE).get_libs_dir())
    machine = platform.machine().lower().replace("aarch64", "arm64")
    found = [path for path in root.rglob("libmsodbcsql*") if machine in path.parts and path.is_file()]
    family = _family()
    return min(found, key=lambda path: (family not in path.parts, str(path)), default=None)


def _family() -> str:
    """Return the folder of this system's relatives: ``debian_ubuntu``, ``rhel``, ``suse``, ``alpine``, ``macos``."""
    if sys.platform == "darwin":
        return "macos"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "debian_ubuntu"
    likes = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}"
    names = {"suse": "suse", "alpine": "alpine", "rhel": "rhel", "fedora": "rhel", "centos": "rhel"}
    return next((folder for word, folder in names.items() if word in likes), "debian_ubuntu")


def is_freetds(driver: str) -> bool:
    """Tell whether a driver is FreeTDS, by its name or file."""
    return "freetds" in driver.lower() or "tdsodbc" in driver.lower()


def packed_token(token: str) -> bytes:
    """Return an access token as the driver takes it: its bytes behind their number."""
    data = token.encode("utf-16-le")
    return struct.pack("<i", len(data)) + data


def connection_string(settings: MSSQLSettings, driver: str) -> str:
    """Return the whole of what the driver is told; nothing comes from a DSN.

    Raises:
        ConfigError: The driver can't do what is set.
    """
    where = f"{settings.host},{settings.port}" if settings.port is not None else settings.host
    options = {"DRIVER": driver, "APP": "dbmcp", "DATABASE": settings.database}
    if settings.user is not None:
        options |= {"UID": settings.user, "PWD": settings.password.reveal() if settings.password else ""}
    if settings.trusted_connection:
        options["Trusted_Connection"] = "yes"
    intent = settings.application_intent or ("ReadOnly" if settings.read_only else "ReadWrite")
    if is_freetds(driver):
        _check_freetds(settings)
        options |= {"SERVER": settings.host, "PORT": str(settings.port or (1433 if "\\" not in settings.host else ""))}
        options |= {"TDS_Version": "7.4", "ClientCharset": "UTF-8", "ApplicationIntent": intent}
        options["Encryption"] = "off" if settings.encrypt == "no" else "require"
    else:
        trust = "yes" if settings.trust_server_certificate else "no"
        options |= {"SERVER": where, "Encrypt": str(settings.encrypt), "TrustServerCertificate": trust}
        options |= {"ApplicationIntent": intent, "ConnectRetryCount": "0"}
    return "".join(f"{key}={_braced(key, value, driver)};" for key, value in _given(options).items())


def _given(options: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in options.items() if value}


def _check_freetds(settings: MSSQLSettings) -> None:
    if settings.access_token is not None:
        raise ConfigError("FreeTDS takes no access token.", hint="Install Microsoft's driver.")
    if settings.encrypt == "strict":
        raise ConfigError("FreeTDS doesn't speak TDS 8, which encrypt = strict asks for.", hint="Use encrypt = yes.")
    if settings.encrypt == "yes" and not settings.trust_server_certificate:
        hint = "Install Microsoft's driver (pip install 'dbmcp-mssql[driver]'), or set trust_server_certificate = true."
        raise ConfigError("FreeTDS doesn't verify the server's certificate.", hint=hint)


def _braced(key: str, value: str, driver: str) -> str:
    """Return *value* in braces, where nothing but ``}`` has a meaning."""
    if any(ord(character) < 32 for character in value):
        raise ConfigError(f"The value of {key} holds a control character.")
    if "}" in value and is_freetds(driver):  # it takes "};" for the end, however it is written
        raise ConfigError(f"FreeTDS can't take a '}}' in the value of {key}.", hint="Install Microsoft's driver.")
    return "{" + value.replace("}", "}}") + "}"
