"""Examples for the API's description, made from its schemas: whatever has a type has an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

MOMENT = "2026-01-31T09:30:00.000000Z"

NAMED: Mapping[str, Any] = {
    "answer": "Returns are free for 30 days. [1]",
    "answer_end": 33,
    "answer_start": 30,
    "base_url": "https://models.example/v1",
    "chunk_id": "chk_01a222de5999338abadeb3e225ad",
    "code": "model_unavailable",
    "completion_tokens": 9,
    "conversation_id": "cnv_01a222de5999338abadeb3e225ad",
    "csrf": "hY3k0c2b",
    "dataset_id": "dts_01a222de5999338abadeb3e225ad",
    "dataset_ids": ["dts_01a222de5999338abadeb3e225ad"],
    "detail": "The language model does not answer. Try again in a moment.",
    "document_id": "doc_01a222de5999338abadeb3e225ad",
    "document_name": "terms/returns.md",
    "end": 63,
    "event": "document.ready",
    "heading": "Returns",
    "key": "kbk_live_hY3k0c2b",
    "media_type": "text/markdown",
    "message_id": "msg_01a222de5999338abadeb3e225ad",
    "model": "small-chat",
    "prompt": "Answer from these passages: {{context}}",
    "prompt_tokens": 120,
    "query": "How long may I return an article?",
    "question": "How long may I return an article?",
    "quote": "Returns are free for 30 days.",
    "run_id": "run_01a222de5999338abadeb3e225ad",
    "search_query": "How long may I return an article?",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "slug": "shop-help",
    "start": 34,
    "text": "Returns are free for 30 days.",
    "user": "ann",
    "version": 3,
}
"""By the name of a field, where its type says too little; used where it has that type."""

_PLAIN = {"integer": 1, "number": 0.5, "boolean": True, "null": None}
_TYPES: Mapping[str, type] = {"string": str, "integer": int, "array": list}


def example(schema: Schema, schemas: Mapping[str, Schema], name: str = "text") -> Any:
    """A value of a schema.

    Args:
        schemas: what references in it name.
        name: of the field that holds the value.
    """
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example(schema[several][0], schemas, name)
    kind = schema.get("type", "string")
    if isinstance(NAMED.get(name), _TYPES.get(kind, type(None))) and name in NAMED:
        return NAMED[name]
    if kind == "object":
        fields = schema.get("properties", {})
        return {each: example(inner, schemas, each) for each, inner in fields.items()}
    if kind == "array":
        return [example(schema["items"], schemas, name)] if "items" in schema else []
    if schema.get("format") == "date-time":
        return MOMENT
    return _PLAIN.get(kind, name)
