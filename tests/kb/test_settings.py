"""Settings: read from the environment and `.env`, and refused where they cannot be meant so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.errors import Rejected
from kb.settings import known_names, load_settings


def load(monkeypatch: pytest.MonkeyPatch, **values: str):
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings(os.environ)


def test_defaults_need_nothing(monkeypatch):
    settings = load(monkeypatch)
    assert settings.data_dir == Path("data")
    assert (settings.embedding.model, settings.llm.model) == ("bundled", None)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)


def test_a_section_is_reached_with_two_underscores_in_any_case(monkeypatch):
    settings = load(monkeypatch, KB_SERVER__PORT="0", kb_ingest__readers="3")
    assert (settings.server.port, settings.ingest.readers) == (0, 3)


@pytest.mark.parametrize("name", ["KB_FOO", "KB_SERVER__PROT", "kb_datadir", "KB_LLM_MODEL", "KB_"])
def test_a_misspelt_name_is_refused_by_name(monkeypatch, name):
    with pytest.raises(Rejected, match=name):
        load(monkeypatch, **{name: "x"})


def test_a_misspelt_name_in_the_env_file_is_refused_too(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("# KB_COMMENT=1\nexport KB_FOO=1\nOTHER=2\n")
    with pytest.raises(Rejected, match="KB_FOO"):
        load(monkeypatch)


def test_the_env_file_is_read_and_the_environment_goes_before_it(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("KB_SERVER__PORT=7000\nKB_SERVER__HOST=0.0.0.0\n")
    settings = load(monkeypatch, KB_SERVER__PORT="7001")
    assert (settings.server.port, settings.server.host) == (7001, "0.0.0.0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KB_SERVER__PORT", "many"),
        ("KB_SERVER__PORT", "70000"),
        ("KB_INGEST__MAX_ATTEMPTS", "0"),
        ("KB_SEARCH__CANDIDATES", "-1"),
        ("KB_CHAT__GRACE_S", "nan"),
        ("KB_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_out_of_bounds_is_one_clear_line(monkeypatch, name, value):
    with pytest.raises(Rejected) as refused:
        load(monkeypatch, **{name: value})
    assert name in refused.value.detail
    assert "\n" not in refused.value.detail


def test_an_admin_key_that_could_be_guessed_is_refused_and_not_repeated(monkeypatch):
    with pytest.raises(Rejected) as refused:
        load(monkeypatch, KB_ADMIN_KEY="0123456789abcdef-sesame-opened!")
    assert "KB_ADMIN_KEY: must have at least 32 characters" in refused.value.detail
    assert "sesame" not in refused.value.detail
    assert load(monkeypatch, KB_ADMIN_KEY="s" * 32).admin_key is not None


CLUSTER = {
    "KB_DATABASE__URL": "postgresql://kb@db/kb",
    "KB_CHROMA__URL": "http://chroma:8000",
    "KB_BLOBS__URL": "s3://citewell",
    "KB_ADMIN_KEY": "a" * 32,
    "KB_SECRET_KEY": "s" * 32,
}


def test_a_cluster_shares_rows_vectors_originals_and_keys(monkeypatch):
    assert load(monkeypatch, **CLUSTER).is_cluster
    assert not load(monkeypatch, **dict.fromkeys(CLUSTER, "")).is_cluster


@pytest.mark.parametrize("name", CLUSTER)
def test_a_cluster_of_which_a_part_is_missing_is_refused(monkeypatch, name):
    with pytest.raises(Rejected, match=f"set {name} as well"):
        load(monkeypatch, **{**CLUSTER, name: ""})


def test_an_empty_value_is_no_value(monkeypatch):
    empty = dict.fromkeys(known_names(), "")
    settings = load(monkeypatch, **empty)
    assert settings.admin_key is None
    assert settings.llm.model is None
    assert settings.data_dir == Path("data")


def test_secrets_do_not_show(monkeypatch):
    key = "sesame" * 6
    settings = load(monkeypatch, KB_ADMIN_KEY=key, KB_LLM__API_KEY="sk-upstream")
    assert "sesame" not in repr(settings) + str(settings.model_dump())
    assert "sk-upstream" not in repr(settings) + str(settings.model_dump())
