"""Programs that a machine may lack, and the skips that a run may report.

A test sees an optional program only where it is marked `needs("strace")`, so that every other test
passes on a machine without. A skip that `expected_skips.txt` does not list is a failure.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = frozenset(
    {
        "caddy", "chromedriver", "chromium", "faketime", "nginx", "node", "postgres", "prometheus",
        "promtool", "strace", "tesseract",
    }
)  # fmt: skip
POSTGRES = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
"""Where Debian puts its programs, which are on nobody's search path."""
WITH, WITHOUT = pytest.StashKey[str](), pytest.StashKey[str]()
"""Search paths with the optional programs and without."""
LISTED = [
    line.split(maxsplit=2)
    for line in Path(__file__).with_name("expected_skips.txt").read_text().splitlines()
    if not line.startswith("#")
]
"""When, where and why a test may be skipped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test ARGS=--programs=none` is a machine that has none of them."""
    parser.addoption(
        "--programs",
        choices=("some", "all", "none"),
        default="some",
        help="optional programs: use those that are there, fail without one, or hide them all",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Link every program but the optional ones into one folder, the search path of most tests."""
    folder = tempfile.TemporaryDirectory(prefix="programs-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    config.stash[WITH] = os.pathsep.join([os.environ["PATH"], *POSTGRES])
    config.stash[WITHOUT] = folder.name
    for place in filter(os.path.isdir, os.get_exec_path()):
        for name in set(os.listdir(place)) - PROGRAMS - set(os.listdir(folder.name)):
            os.symlink(Path(place, name).absolute(), Path(folder.name, name))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Skip what needs a program that is not there."""
    path = item.config.stash[WITHOUT if item.config.option.programs == "none" else WITH]
    for program in (name for mark in item.iter_markers("needs") for name in mark.args):
        assert program in PROGRAMS, f"{program} is not in {__name__}.PROGRAMS, so it is not hidden"
        if shutil.which(program, path=path) is None:
            item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))
            return


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Hide the programs from all tests, their fixtures and their child processes."""
    os.environ["PATH"] = session.config.stash[WITHOUT]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Show them to a test that needs one."""
    needs = item.get_closest_marker("needs")
    if needs:
        os.environ["PATH"] = item.config.stash[WITH]
    try:
        return (yield)
    finally:
        if needs:
            os.environ["PATH"] = item.config.stash[WITHOUT]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose skip is not listed."""
    return _checked((yield), item.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """Fail a file whose skip is not listed."""
    return _checked((yield), collector.config)


def _checked(report: Any, config: pytest.Config) -> object:
    if report.skipped:
        reason = getattr(report, "wasxfail", None) or report.longrepr[2]
        reason = reason.removeprefix("Skipped: ")
        if not any(
            where in report.nodeid and reason == why and _applies(when, config)
            for when, where, why in LISTED
        ):
            report.outcome = "failed"
            report.longrepr = f"A skip that tests/expected_skips.txt does not allow: {reason}"
    return report


def _applies(when: str, config: pytest.Config) -> bool:
    return when == "anywhere" or config.option.programs != "all"
