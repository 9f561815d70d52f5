"""A service principal's tokens, by OAuth's client credentials; asked for again before they run out."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from dbmcp_core.errors import ConnectionFailed
from dbmcp_databricks.settings import DatabricksSettings

__all__ = ["ClientCredentials"]

#: Seconds that a token is still good for when the next one is asked for.
_EARLY_S = 60.0
_MAX_ANSWER = 1 << 20


class ClientCredentials:
    """What the connector calls for the headers of each request."""

    def __init__(self, settings: DatabricksSettings, context: ssl.SSLContext) -> None:
        self._settings = settings
        self._context = context
        self._lock = threading.Lock()
        self._header = ""
        self._good_until = 0.0

    def auth_type(self) -> str:
        """Return the connector's name for it."""
        return "oauth-m2m"

    def __call__(self) -> Callable[[], dict[str, str]]:
        """Return the function that makes the headers."""
        return self._headers

    def _headers(self) -> dict[str, str]:
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._header, self._good_until = self._ask()
            return {"Authorization": self._header}

    def _ask(self) -> tuple[str, float]:
        settings = self._settings
        secret = settings.client_secret.reveal() if settings.client_secret is not None else ""
        who = base64.b64encode(f"{settings.client_id}:{secret}".encode()).decode()
        request = urllib.request.Request(
            f"https://{settings.server_hostname}:{settings.port}/oidc/v1/token",
            urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode(),
            {"Authorization": f"Basic {who}"},
        )
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=self._context), _NoRedirect())
        try:
            with opener.open(request, timeout=max(settings.connect_timeout_s, 1.0)) as response:
                answer = json.loads(response.read(_MAX_ANSWER))
            seconds = float(answer.get("expires_in", 3600))
            return f"Bearer {answer['access_token']}", time.monotonic() + seconds - _EARLY_S
        except urllib.error.HTTPError as error:
            hint = "Check client_id and client_secret, and that the principal is in this workspace."
            raise ConnectionFailed(f"Databricks gave no OAuth token (HTTP {error.code}).", hint=hint) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConnectionFailed(f"Databricks gave no OAuth token: {type(error).__name__}.") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Send the secret nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""
        return
