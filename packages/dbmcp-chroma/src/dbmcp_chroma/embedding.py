"""From texts to vectors: by the collection's own function, or by the one that the operator names.

Whoever may make a collection chooses its function, and what is configured for it: a service and its address, the name
of the environment variable with a key, a model whose code is loaded. So only Chroma's default model is used unasked; it
computes here, on nothing but its own files.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from dbmcp_chroma.model import Functions
from dbmcp_core.errors import QueryFailed, UnsupportedError

__all__ = ["Embedding"]

_DEFAULT = ("default", "onnx_mini_lm_l6_v2")
_VECTORS = "or give vectors: query_embeddings in a query, embeddings in a write."
#: What a complete model consists of.
_FILES = ("model.onnx", "tokenizer.json")
_LOAD = "python -c \"from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2 as M; M()(['once'])\""


class Embedding:
    """The functions that are in use, each made once."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()

    def vectors(self, configured: dict[str, Any] | None, texts: Sequence[str], *, asking: bool) -> list[list[float]]:
        """Return a vector for each of *texts*; *asking* if they are queries, which some models treat apart.

        Raises:
            UnsupportedError: No function may be used, or its model isn't here.
        """
        name, function = self._function(configured)
        try:
            found = (function.embed_query if asking else function)(list(texts))
        except Exception as exc:
            raise QueryFailed(
                f"The embedding function {name!r} failed ({type(exc).__name__}: {str(exc)[:300]}).",
                hint=f"Try again, {_VECTORS}",
                details={"reason": "embedding"},
            ) from exc
        return [[float(number) for number in vector] for vector in found]

    def _function(self, configured: dict[str, Any] | None) -> tuple[str, Any]:
        name, make = self._choice(configured)
        with self._making:
            if name not in self._made:
                try:
                    self._made[name] = make()
                except UnsupportedError:
                    raise
                except Exception as exc:
                    raise _unavailable(name, f"can't be made ({type(exc).__name__}: {str(exc)[:300]})") from exc
            return name, self._made[name]

    def _choice(self, configured: dict[str, Any] | None) -> tuple[str, Callable[[], Any]]:
        named = self._functions.named
        if named is not None:
            return named, lambda: _named(named, self._functions.download)
        # Collections of older clients don't say; these clients took the default for them.
        name = str((configured or {}).get("name") or "default")
        if name in _DEFAULT:
            return "default", lambda: _default(self._functions.download)
        if name not in self._functions.allowed:
            raise UnsupportedError(
                f"The collection's embedding function {name[:60]!r} is not used unasked: it may call a service, read"
                " keys from the environment or load code, as whoever made the collection configured it.",
                hint=f"The operator allows it with allow_embedding_functions, or sets embedding_function; {_VECTORS}",
                details={"reason": "embedding_function", "function": name[:60]},
            )
        config = (configured or {}).get("config") or {}
        return f"{name} {config!r}", lambda: _known(name).build_from_config(config)


def _default(download: bool) -> Any:
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2

    folder = ONNXMiniLM_L6_V2.DOWNLOAD_PATH / ONNXMiniLM_L6_V2.EXTRACTED_FOLDER_NAME
    if not download and not all((folder / name).is_file() for name in _FILES):
        raise UnsupportedError(
            "Chroma's default embedding model (all-MiniLM-L6-v2, 80 MB) is not on this machine, and nothing is"
            " downloaded unasked.",
            hint=f"Load it once with {_LOAD}, or set download_model = true; {_VECTORS}",
            details={"reason": "embedding_model", "function": "default"},
        )
    return ONNXMiniLM_L6_V2(preferred_providers=["CPUExecutionProvider"])


def _named(name: str, download: bool) -> Any:
    if name in _DEFAULT:
        return _default(download)
    module, colon, kind = name.partition(":")
    if colon:
        return getattr(importlib.import_module(module), kind)()
    return _known(name)()


def _known(name: str) -> Any:
    from chromadb.utils.embedding_functions import known_embedding_functions

    if name not in known_embedding_functions:
        raise _unavailable(name, "is not one of Chroma's, and no module:Class")
    return known_embedding_functions[name]


def _unavailable(name: str, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"The embedding function {name[:60]!r} {why}.",
        hint=f"Install what it needs, name another one in the setting embedding_function, {_VECTORS}",
        details={"reason": "embedding_function", "function": name[:60]},
    )
