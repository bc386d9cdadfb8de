"""Models that need the extra `models`, where its packages are hidden from import."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
WITHOUT_THE_EXTRA = (
    "import sys\n"
    "for name in ('torch', 'sentence_transformers', 'transformers'):\n"
    "    sys.modules[name] = None  # importing it raises ModuleNotFoundError\n"
    "from cli.__main__ import main\n"
    "main()"
)


@pytest.mark.parametrize("setting", ["KB_EMBEDDING__MODEL", "KB_RERANK__MODEL"])
def test_a_server_whose_model_needs_the_extra_tells_the_command_that_installs_it(tmp_path, setting):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "xlm-roberta"}')
    (model / "model.safetensors").write_bytes(b"x")
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXTRA, "serve", "--port", "0"],
        env={"PYTHONPATH": str(ROOT), "KB_DATA_DIR": str(tmp_path / "data"), setting: str(model)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 1
    assert "run `make models`" in run.stderr
    assert str(model) in run.stderr
    assert "Traceback" not in run.stderr
