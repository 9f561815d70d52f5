"""The methods of ``library.Library`` that may be called by name; nothing else of chromadb can be."""

from __future__ import annotations

__all__ = ["READS", "WRITES"]

READS = frozenset({"hello", "collections", "collection", "count", "get", "query", "embed"})
WRITES = frozenset({"add", "upsert", "update", "delete", "create", "modify", "drop"})
