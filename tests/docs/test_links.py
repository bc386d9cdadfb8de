"""Every link inside the repository leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, name_of, page, text_of


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_relative_link_resolves(path: Path):
    broken = []
    for link in links(text_of(path)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            broken.append(link)
    assert broken == []


def test_the_readme_leads_to_every_page_for_users():
    shown = {(ROOT / link.partition("#")[0]).resolve() for link in links(page("README.md"))}
    assert set((ROOT / "docs" / "using").glob("*.md")) <= shown
