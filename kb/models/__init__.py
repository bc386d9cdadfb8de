"""Language and embedding models: everything behind `Embedder` and `ChatModel`.

Torch, sentence-transformers and LlamaIndex are imported only when a setting asks for them.
"""

from __future__ import annotations

import sys

# Importing OpenVINO would start its telemetry: a forked child that calls an analytics server and
# writes into the home folder. Without the package it uses a stub of its own.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
