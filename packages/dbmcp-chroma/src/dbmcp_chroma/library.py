"""chromadb's own interface, the part of it that is used: the same for a folder and for a server.

It is the layer below chromadb's ``Collection``, which would build whatever embedding function a collection names as
soon as the collection is looked up. Whatever comes in and goes out is a plain value.
"""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

with warnings.catch_warnings():
    # Its deprecations are between chromadb and what it is built on; nobody who asks here can do anything about them.
    warnings.simplefilter("ignore", DeprecationWarning)
    import numpy as np
    from chromadb.api import ServerAPI
    from chromadb.api.types import DefaultEmbeddingFunction
    from chromadb.config import APIVersion, Settings, System

from dbmcp_chroma.embedding import Embedding
from dbmcp_chroma.model import Collection, Functions
from dbmcp_chroma.settings import FILE
from dbmcp_core.errors import ConnectionFailed

__all__ = ["Library", "folder_system", "server_of", "server_system"]

#: Collections that are asked for at once.
_PAGE = 200
_ALWAYS: dict[str, Any] = {
    "_env_file": None,  # a file of the working folder, which may be anybody's
    "anonymized_telemetry": False,
    "chroma_product_telemetry_impl": "chromadb.telemetry.product.posthog.Posthog",
    "chroma_otel_collection_endpoint": "",
    "chroma_otel_granularity": None,
    "chroma_client_auth_provider": None,
    "chroma_client_auth_credentials": None,
    "chroma_quota_provider_impl": None,
    "chroma_rate_limiting_provider_impl": None,
    "allow_reset": False,
}


def folder_system(path: str, *, read_only: bool) -> System:
    """Return a folder's database, opened; for reading alone, an older one is not migrated."""
    settings = Settings(
        **_ALWAYS,
        chroma_api_impl="chromadb.api.rust.RustBindingsAPI",
        is_persistent=True,
        persist_directory=path,
        migrations="validate" if read_only and (Path(path) / FILE).exists() else "apply",
    )
    system = System(settings)
    server_of(system)
    system.start()
    return system


def server_system(host: str, port: int, *, ssl: bool) -> System:
    """Return a server's client, which has asked it nothing yet."""
    settings = Settings(
        **_ALWAYS,
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=host,
        chroma_server_http_port=port,
        chroma_server_ssl_enabled=ssl,
        chroma_server_headers={},
        chroma_server_ssl_verify=None,
        chroma_server_api_default_path=APIVersion.V2,
        is_persistent=False,
    )
    system = System(settings)
    server_of(system)
    return system


def server_of(system: System) -> Any:
    """Return the interface of *system*, the same one each time."""
    interface: Any = ServerAPI
    return system.instance(interface)


class Library:
    """One tenant's database, through one of chromadb's clients."""

    def __init__(self, system: System, tenant: str | None, database: str | None, functions: Functions) -> None:
        self._server = server_of(system)
        self._tenant = tenant
        self._database = database
        self._named = functions.named
        self._embedding = Embedding(functions)

    @property
    def _place(self) -> dict[str, Any]:
        return {"tenant": self._tenant, "database": self._database}

    # Reads

    def hello(self) -> tuple[str, str, str, int]:
        """Return tenant, database, version, and how many records may be written at once; raise if there are none."""
        if self._tenant is None or self._database is None:
            self._find_place()
        self._server.get_database(self._database, self._tenant)
        most = int(self._server.get_max_batch_size())
        return cast("str", self._tenant), cast("str", self._database), str(self._server.get_version()), most

    def _find_place(self) -> None:
        """Ask the cloud which tenant and database the key is for."""
        identity = self._server.get_user_identity()
        databases = [one for one in identity.databases or () if one != "*"]
        self._tenant = self._tenant or identity.tenant
        self._database = self._database or (databases[0] if len(databases) == 1 else None)
        if not self._tenant or not self._database or self._tenant == "*":
            raise ConnectionFailed("The key is good for several databases.", hint="Set 'tenant' and 'database'.")

    def collections(self) -> list[Collection]:
        """Return all collections, by name."""
        found: list[Collection] = []
        while True:
            page = self._server.list_collections(_PAGE, len(found), **self._place)
            found += map(_described, page)
            if len(page) < _PAGE:
                return sorted(found, key=lambda one: one.name)

    def collection(self, name: str) -> Collection:
        """Return one collection; a NotFoundError of chromadb's if there is none."""
        return _described(self._server.get_collection(name, **self._place))

    def count(self, collection: str) -> int:
        """Return the number of records."""
        return int(self._server._count(UUID(collection), **self._place))

    def get(self, collection: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return records: ``ids``, and what ``include`` of *fields* names."""
        found = self._server._get(UUID(collection), **fields, **self._place)
        if found["embeddings"] is not None:
            found["embeddings"] = [_exact(one) for one in found["embeddings"]]
        return {"ids": found["ids"], **{key: found[key] for key in fields["include"]}}

    def query(self, collection: str, vector: Sequence[float], fields: dict[str, Any]) -> dict[str, Any]:
        """Return the records nearest to *vector*, in the same shape, with their distances."""
        vectors = [np.array(vector, dtype=np.float32)]
        found = self._server._query(UUID(collection), query_embeddings=vectors, **fields, **self._place)
        answer = {"ids": found["ids"][0], **{key: (found[key] or [None])[0] for key in fields["include"]}}
        if answer.get("embeddings") is not None:
            answer["embeddings"] = [_exact(one) for one in answer["embeddings"]]
        answer["distances"] = _exact(answer["distances"])
        return answer

    def embed(self, configured: dict[str, Any] | None, texts: Sequence[str], asking: bool) -> list[list[float]]:
        """Return a vector for each of *texts*."""
        return self._embedding.vectors(configured, texts, asking=asking)

    # Writes

    def add(self, collection: str, records: dict[str, Any]) -> None:
        """Add records."""
        self._server._add(collection_id=UUID(collection), **_sent(records), **self._place)

    def upsert(self, collection: str, records: dict[str, Any]) -> None:
        """Add records, or change those that are there."""
        self._server._upsert(collection_id=UUID(collection), **_sent(records), **self._place)

    def update(self, collection: str, records: dict[str, Any]) -> None:
        """Change records."""
        self._server._update(collection_id=UUID(collection), **_sent(records), **self._place)

    def delete(self, collection: str, fields: dict[str, Any]) -> None:
        """Take records away."""
        self._server._delete(UUID(collection), **fields, **self._place)

    def create(self, name: str, fields: dict[str, Any]) -> None:
        """Make a collection, with Chroma's default embedding function."""
        # With a function that the operator names, what others should use is not ours to say.
        function = DefaultEmbeddingFunction() if self._named is None else None
        configuration = {**fields.get("configuration", {}), "embedding_function": function}
        self._server.create_collection(
            name,
            configuration=configuration,
            metadata=fields.get("metadata"),
            get_or_create=fields.get("get_or_create", False),
            **self._place,
        )

    def modify(self, collection: str, fields: dict[str, Any]) -> None:
        """Change a collection's name, metadata or index."""
        self._server._modify(
            UUID(collection),
            new_name=fields.get("new_name"),
            new_metadata=fields.get("metadata"),
            new_configuration=fields.get("configuration"),
            **self._place,
        )

    def drop(self, name: str) -> None:
        """Take a collection away."""
        self._server.delete_collection(name, **self._place)


def _described(model: Any) -> Collection:
    configuration = model.configuration_json or {}
    index = configuration.get("hnsw") or configuration.get("spann") or {}
    metadata = dict(model.metadata or {})
    space = index.get("space") or metadata.get("hnsw:space") or "l2"
    function = configuration.get("embedding_function")
    known = function if isinstance(function, dict) and function.get("type") == "known" else None
    return Collection(str(model.id), str(model.name), model.dimension, str(space), dict(index), metadata, known)


def _exact(numbers: Any) -> list[float]:
    """Return numbers of 32 bits as the very same ones of 64; a server's JSON has their shortest decimals."""
    return array("f", numbers).tolist()


def _sent(records: dict[str, Any]) -> dict[str, Any]:
    found = {"metadatas": None, "documents": None, "uris": None, "embeddings": None, **records}
    if found["embeddings"] is not None:
        vectors = found["embeddings"]
        found["embeddings"] = [None if one is None else np.array(one, dtype=np.float32) for one in vectors]
    return found
