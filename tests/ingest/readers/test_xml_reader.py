"""XML data, feeds and properties: what their markup and escapes stand for."""

from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.sniff.media_types import sniff
from ingest.types import ReadOptions


def _text(source: str, name: str) -> str:
    data = source.encode()
    return READERS[sniff(data, name)](BytesIO(data), ReadOptions()).pages[0].text


def test_elements_that_repeat_are_records():
    source = (
        '<?xml version="1.0"?><stock site="Bern"><part><name>seal</name>'
        '<price currency="EUR">3</price></part>'
        "<part><name>hose</name><price>4</price></part></stock>"
    )

    assert _text(source, "a.xml") == (
        "site: Bern\npart[0].name: seal\npart[0].price: 3 (currency: EUR)\n"
        "part[1].name: hose\npart[1].price: 4"
    )


@pytest.mark.parametrize("name", ["a.rss", "a.xml"])
def test_a_feed_has_its_items_with_their_words(name):
    items = "".join(
        f"<item><title>News {n}</title><link>http://a/{n}</link>"
        f"<description>&lt;p&gt;Gate &lt;b&gt;{n}&lt;/b&gt; opens.&lt;/p&gt;</description></item>"
        for n in range(9)
    )
    source = f'<rss version="2.0"><channel><title>Gates</title>{items}</channel></rss>'

    text = _text(source, name)

    assert "title: Gates" in text
    assert "title: News 7 | link: http://a/7 | description: Gate 7 opens." in text


@pytest.mark.parametrize("source", ["<a><b>open", "<!DOCTYPE a []><a><b>open</b></a>"])
def test_what_is_not_read_as_xml_is_read_as_text(source):
    assert _text(source, "a.xml") == source


def test_escapes_of_properties_are_undone():
    source = "owner=M\\u00fcller\nplace=Gate\\: north,\\\n    left\n"

    assert _text(source, "a.properties") == "owner=Müller\nplace=Gate: north, left\n"
