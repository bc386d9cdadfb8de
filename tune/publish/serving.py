"""Handing a tuned model's folder to a server of models: the files that it wants, the calls that it
takes, and otherwise the commands to type.

Our own server (`kb tune serve`) finds tuned models by itself. The calls go to addresses that an
admin names, as those of registered models do.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kb.errors import ModelUnavailable, Rejected
from kb.types import TunedModel

Serving = Literal["citewell", "vllm", "ollama", "llama.cpp"]

USUAL: Mapping[Serving, str] = {
    "citewell": "http://127.0.0.1:8100/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
}
"""Where each listens, if nobody says otherwise."""

TIMEOUT_S = 600.0
"""Ollama converts an adapter while the request waits."""


@dataclass(frozen=True, slots=True)
class Handed:
    """Where it answers from now on, under which name, and the commands that are left to type."""

    base_url: str
    model: str
    commands: tuple[str, ...] = ()


def hand_over(
    tuned: TunedModel,
    folder: Path,
    serving: Serving,
    base_url: str | None = None,
    *,
    base: str | None = None,
    load: bool = False,
    resolver: Path | None = None,
) -> Handed:
    """Write what a server needs of a tuned model, and call it if that is asked for.

    Args:
        folder: with the adapter or the whole model.
        base_url: of the OpenAI-compatible API, up to and including `/v1`; None takes the usual one
            of this machine.
        base: what the server there calls the base model; None takes its name here.
        load: ask the server to load the model.
        resolver: a folder that vLLM's resolver looks into.

    Raises:
        Rejected: the server takes adapters and this is none.
        ModelUnavailable: the server did not take it.
    """
    url, base = base_url or USUAL[serving], base or tuned.base
    if serving == "citewell":
        return Handed(url, tuned.name, ("kb tune serve",))
    if not (folder / "adapter_config.json").is_file():
        raise Rejected(
            f"{tuned.name!r} is a whole model, not an adapter: start {serving} on its folder "
            f"{folder} and publish it with that address as `base_url`."
        )
    # A name that servers take as a file's and a model's: without colons and capitals.
    name = re.sub(r"[^a-z0-9._-]+", "-", tuned.name.lower())
    if serving == "llama.cpp":
        convert = f"python convert_lora_to_gguf.py {folder} --outfile {folder / name}.gguf"
        return Handed(
            url, name, (convert, f"llama-server --model {base} --lora {folder / name}.gguf")
        )
    if serving == "vllm":
        folder = _resolved(folder, resolver / name, base) if resolver else folder
        command = _vllm_command(folder, base, resolver)
    else:
        modelfile = folder / "Modelfile"
        modelfile.write_text(f"FROM {base}\nADAPTER {folder}\n", "utf-8")
        command = f"ollama create {name} -f {modelfile}"
    if not load:
        return Handed(url, name, (command,))
    _load(serving, url, name, folder, base)
    return Handed(url, name)


def _load(serving: Serving, url: str, name: str, folder: Path, base: str) -> None:
    if serving == "vllm":
        _post(f"{url}/load_lora_adapter", json={"lora_name": name, "lora_path": str(folder)})
        return
    root = url.removesuffix("/v1")
    files = (folder / "adapter_config.json", *sorted(folder.glob("*.safetensors")))
    adapters = {path.name: _blob(root, path.read_bytes()) for path in files}
    asked = {"model": name, "from": base, "adapters": adapters, "stream": False}
    _post(f"{root}/api/create", json=asked)


def template_of(folder: Path, serving: Serving) -> str | None:
    """The chat template that a server renders by, where it is the one in the model's folder."""
    name = {"citewell": "chat_template.jinja", "vllm": "template.jinja"}.get(serving)
    path = folder / name if name else None
    return path.read_bytes().decode() if path and path.is_file() else None


def _resolved(folder: Path, copy: Path, base: str) -> Path:
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    config = copy / "adapter_config.json"  # the resolver compares it with what it serves
    about = json.loads(config.read_text("utf-8")) | {"base_model_name_or_path": base}
    config.write_text(json.dumps(about, indent=1), "utf-8")
    return copy


def _vllm_command(folder: Path, base: str, resolver: Path | None) -> str:
    words = ["VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"]
    if resolver is not None:
        words += ["VLLM_PLUGINS=lora_filesystem_resolver"]
        words += [f"VLLM_LORA_RESOLVER_CACHE_DIR={resolver}"]
    words += ["vllm serve", base, "--enable-lora --max-lora-rank 16"]
    if (folder / "template.jinja").is_file():
        words += [f"--chat-template {folder / 'template.jinja'}"]
    return " ".join(words)


def _blob(root: str, content: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _post(f"{root}/api/blobs/{digest}", content=content)
    return digest


def _post(url: str, **body: Any) -> None:
    """What a server says to a failure stays with it."""
    import httpx  # not at the server's start

    try:
        answer = httpx.post(url, timeout=TIMEOUT_S, trust_env=False, **body)
    except httpx.HTTPError as exc:
        raise ModelUnavailable(f"{url} cannot be reached. Is the server running?") from exc
    if answer.is_error:
        raise ModelUnavailable(f"{url} says {answer.status_code}; its log says why.")
