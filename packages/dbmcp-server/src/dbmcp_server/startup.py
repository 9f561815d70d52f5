"""What makes a start shorter."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["unhindered"]

_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


@contextmanager
def unhindered() -> Iterator[None]:
    """Import and build what stays, with nobody looking through it: an eighth of the start.

    The garbage collector would find nothing to collect. Pydantic would look for plugins in every installed
    distribution, to show them the protocol's models; those that are made later are shown all the same.
    """
    was_enabled, wanted = gc.isenabled(), os.environ.get(_PLUGINS)
    gc.disable()
    os.environ.setdefault(_PLUGINS, "__all__")
    try:
        yield
    finally:
        if wanted is None:
            os.environ.pop(_PLUGINS, None)
        gc.freeze()
        if was_enabled:
            gc.enable()
