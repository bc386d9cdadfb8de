from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WATCH = """
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append((event, str(args)[:80]))
                 if event in ("socket.connect", "socket.getaddrinfo", "os.fork", "subprocess.Popen",
                              "os.posix_spawn") else None)
from kb.models.embed.embedders import open_embedder
embedder = open_embedder("bundled", cache_dir=__import__("pathlib").Path("models"),
                         threads=1, batch_size=4)
embedder.embed_query("Does anybody listen?")
print(seen)
"""


def test_the_bundled_model_asks_no_host_and_leaves_nothing_in_the_home_folder(tmp_path: Path):
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []
