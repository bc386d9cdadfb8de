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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kb.errors import ModelUnavailable, Rejected
from kb.types import TunedModel

Serving = Literal["citewell", "vllm", "ollama", "llama.cpp"]

TIMEOUT_S = 600.0
"""Ollama converts an adapter while the request waits."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tuned model is to be served.

    Attributes:
        base_url: of the OpenAI-compatible API, up to and including `/v1`; None takes the usual one
            of this machine.
        base: what the server there calls the base model; None takes its name here.
        resolver: a folder that vLLM's resolver looks into.
        call: ask the server to load the model.
    """

    serving: Serving
    base_url: str | None = None
    base: str | None = None
    resolver: Path | None = None
    call: bool = False


@dataclass(frozen=True, slots=True)
class Handed:
    """Where it answers from now on, under which name, and what is left to do by hand."""

    base_url: str
    model: str
    files: tuple[Path, ...] = ()
    commands: tuple[str, ...] = ()


def hand_over(tuned: TunedModel, folder: Path, place: Place) -> Handed:
    """Write what a server needs of a tuned model, and call it if that is asked for.

    Args:
        folder: with the adapter or the whole model.

    Raises:
        Rejected: the server takes adapters and this is none.
        ModelUnavailable: the server did not take it.
    """
    if place.serving != "citewell" and not (folder / "adapter_config.json").is_file():
        raise Rejected(
            f"{tuned.name!r} is a whole model, not an adapter: start {place.serving} on its folder "
            f"{folder} and publish it with that address as `base_url`."
        )
    return _WAYS[place.serving](tuned, folder, place)


def served_name(name: str) -> str:
    """A name that servers take as a file's and a model's: without colons and capitals."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())


def _citewell(tuned: TunedModel, folder: Path, place: Place) -> Handed:
    return Handed(place.base_url or "http://127.0.0.1:8100/v1", tuned.name, (), ("kb tune serve",))


def _vllm(tuned: TunedModel, folder: Path, place: Place) -> Handed:
    url, name = place.base_url or "http://127.0.0.1:8000/v1", served_name(tuned.name)
    base, path = place.base or tuned.base, folder
    files: tuple[Path, ...] = ()
    if place.resolver is not None:
        path = place.resolver / name
        shutil.copytree(folder, path, dirs_exist_ok=True)
        config = path / "adapter_config.json"  # the resolver compares it with what it serves
        known = json.loads(config.read_text("utf-8")) | {"base_model_name_or_path": base}
        config.write_text(json.dumps(known, indent=1), "utf-8")
        files = (path,)
    if place.call:
        _post(f"{url}/load_lora_adapter", {"lora_name": name, "lora_path": str(path)})
    template = f" --chat-template {folder}/template.jinja" if tuned.task == "chat" else ""
    plugin = f"VLLM_PLUGINS=lora_filesystem_resolver VLLM_LORA_RESOLVER_CACHE_DIR={path.parent} "
    start = f"vllm serve {base} --enable-lora --max-lora-rank 16{template}"
    environment = "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True " + (plugin if files else "")
    return Handed(url, name, files, () if place.call else (environment + start,))


def _ollama(tuned: TunedModel, folder: Path, place: Place) -> Handed:
    url, name = place.base_url or "http://127.0.0.1:11434/v1", served_name(tuned.name)
    base = place.base or tuned.base
    modelfile = folder / "Modelfile"
    modelfile.write_text(f"FROM {base}\nADAPTER {folder}\n", "utf-8")
    if not place.call:
        return Handed(url, name, (modelfile,), (f"ollama create {name} -f {modelfile}",))
    root = url.removesuffix("/v1")
    adapters = {
        path.name: _blob(root, path)
        for path in (folder / "adapter_config.json", *sorted(folder.glob("*.safetensors")))
    }
    asked = {"model": name, "from": base, "adapters": adapters, "stream": False}
    _post(f"{root}/api/create", asked)
    return Handed(url, name, (modelfile,))


def _llama_cpp(tuned: TunedModel, folder: Path, place: Place) -> Handed:
    url, gguf = place.base_url or "http://127.0.0.1:8080/v1", folder / "adapter.gguf"
    base = place.base or f"{tuned.base}.gguf"
    convert = f"python convert_lora_to_gguf.py {folder} --outfile {gguf}"
    start = f"llama-server --model {base} --lora {gguf} --port 8080"
    return Handed(url, served_name(tuned.name), (), (convert, start))


_WAYS: Mapping[Serving, Callable[[TunedModel, Path, Place], Handed]] = {
    "citewell": _citewell,
    "vllm": _vllm,
    "ollama": _ollama,
    "llama.cpp": _llama_cpp,
}


def _blob(root: str, path: Path) -> str:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _post(f"{root}/api/blobs/{digest}", content)
    return digest


def _post(url: str, body: Mapping[str, object] | bytes) -> None:
    """Send JSON or bytes. What a server says to a failure stays with it."""
    import httpx  # not at the server's start

    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        answer = httpx.post(url, content=content, timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as exc:
        raise ModelUnavailable(f"{url} cannot be reached. Is the server running?") from exc
    if answer.is_error:
        raise ModelUnavailable(
            f"{url} answered with status {answer.status_code}; its log says why."
        )
