"""What each server of models is handed: files in their place, calls that arrive, commands."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kb.errors import ModelUnavailable, Rejected
from kb.types import TunedModel
from tune.publish.serving import hand_over, template_of

NAME = "ft:Tiny:citewell:stories:1a2b3c4d"
SERVED = "ft-tiny-citewell-stories-1a2b3c4d"
TUNED = TunedModel(
    NAME, "job", "Tiny", None, "chat", "0" * 64, "aaaa", "", (), "job/model", None, "2026-11-01"
)


class _Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        is_json = self.headers.get("content-type") == "application/json"
        assert is_json == ("/blobs/" not in self.path)
        self.server.taken.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        running.taken, running.status = [], 200  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "job" / "model"
    made.mkdir(parents=True)
    config = {"peft_type": "LORA", "base_model_name_or_path": "/somewhere/Tiny", "r": 8}
    (made / "adapter_config.json").write_text(json.dumps(config))
    (made / "adapter_model.safetensors").write_bytes(b"weights")
    (made / "template.jinja").write_text("{{ messages }}")
    return made


def url_of(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1"


def test_ollama_is_sent_the_files_of_the_adapter_and_told_to_make_a_model(server, folder):
    done = hand_over(TUNED, folder, "ollama", url_of(server), base="qwen3:0.6b", load=True)
    *blobs, (path, body) = server.taken
    digests = {f"/api/blobs/sha256:{hashlib.sha256(body).hexdigest()}": body for _, body in blobs}
    assert dict(blobs) == digests
    assert digests.keys() == {f"/api/blobs/{d}" for d in json.loads(body)["adapters"].values()}
    assert path == "/api/create"
    told = json.loads(body)
    assert (told["model"], told["from"], told["stream"]) == (SERVED, "qwen3:0.6b", False)
    assert told["adapters"].keys() == {"adapter_config.json", "adapter_model.safetensors"}
    assert (done.base_url, done.model, done.commands) == (url_of(server), SERVED, ())


def test_ollama_that_is_not_called_gets_a_modelfile_and_a_command(folder):
    done = hand_over(TUNED, folder, "ollama", base="qwen3:0.6b")
    assert (folder / "Modelfile").read_text() == f"FROM qwen3:0.6b\nADAPTER {folder}\n"
    assert done.commands == (f"ollama create {SERVED} -f {folder}/Modelfile",)
    assert done.base_url == "http://127.0.0.1:11434/v1"


def test_vllm_finds_the_adapter_in_its_folder_under_the_base_that_it_serves(folder, tmp_path):
    resolver = tmp_path / "adapters"
    done = hand_over(TUNED, folder, "vllm", base="Qwen/Tiny", resolver=resolver)
    config = json.loads((resolver / SERVED / "adapter_config.json").read_text())
    assert config == {"peft_type": "LORA", "base_model_name_or_path": "Qwen/Tiny", "r": 8}
    assert (resolver / SERVED / "adapter_model.safetensors").read_bytes() == b"weights"
    (command,) = done.commands
    assert f"VLLM_LORA_RESOLVER_CACHE_DIR={resolver} " in command
    assert f"vllm serve Qwen/Tiny --enable-lora --max-lora-rank 16 --chat-template {resolver}" in (
        command
    )
    again = hand_over(TUNED, folder, "vllm", base="Qwen/Tiny", resolver=resolver)
    assert again == done


def test_vllm_is_asked_to_load_an_adapter(server, folder):
    done = hand_over(TUNED, folder, "vllm", url_of(server), load=True)
    ((path, body),) = server.taken
    assert path == "/v1/load_lora_adapter"
    assert json.loads(body) == {"lora_name": SERVED, "lora_path": str(folder)}
    assert (done.model, done.commands) == (SERVED, ())


def test_llama_cpp_is_started_by_commands_and_ours_finds_models_by_their_name(folder):
    convert, start = hand_over(TUNED, folder, "llama.cpp", base="tiny.gguf", load=True).commands
    assert convert == f"python convert_lora_to_gguf.py {folder} --outfile {folder}/{SERVED}.gguf"
    assert start == f"llama-server --model tiny.gguf --lora {folder}/{SERVED}.gguf"
    assert hand_over(TUNED, folder, "citewell").model == NAME


def test_the_template_that_a_server_takes_from_the_folder_is_known(folder):
    assert template_of(folder, "vllm") == "{{ messages }}"
    assert template_of(folder, "ollama") is template_of(folder, "citewell") is None


@pytest.mark.parametrize("serving", ["vllm", "ollama", "llama.cpp"])
def test_a_whole_model_is_not_handed_over_as_an_adapter(serving, folder):
    (folder / "adapter_config.json").unlink()
    with pytest.raises(Rejected, match="whole model"):
        hand_over(TUNED, folder, serving)


def test_a_server_that_refuses_or_is_not_there_is_told_without_its_words(server, folder):
    server.status = 500
    with pytest.raises(ModelUnavailable, match="says 500"):
        hand_over(TUNED, folder, "vllm", url_of(server), load=True)
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        hand_over(TUNED, folder, "ollama", "http://127.0.0.1:9/v1", load=True)
