"""Source code: quoted as it stands, with its definitions as headings."""

from io import BytesIO

import pytest

from ingest.readers.plain.source_code import read_configuration, read_source_code
from ingest.types import ReadOptions
from tests.ingest.readers.message_samples import PYTHON


def _read(source, reader=read_source_code):
    extraction = reader(BytesIO(source.encode()), ReadOptions())
    text = extraction.pages[0].text
    return text, [(b.kind, b.level, text[b.start : b.end]) for b in extraction.blocks]


def test_the_text_is_the_source_and_definitions_are_headings():
    text, blocks = _read(PYTHON)

    assert text == PYTHON
    assert blocks == [
        ("code", 0, '"""Pumps."""'),
        ("heading", 1, "class Pump:"),
        ("code", 0, '    """Moves water."""'),
        ("heading", 2, "def start(self) -> None:"),
        ("code", 0, "        self.on  =  True"),
        ("heading", 1, "def seal():"),
        ("code", 0, "    return 3"),
    ]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("async def run():", 1),
        ("export default async function pump() {", 1),
        ("export const usePump = (water: number) => {", 1),
        ("public final class Pump extends Machine {", 1),
        ("    public static void main(String[] args) {", 2),
        ("int main(int argc, char **argv)", 1),
        ("func (s *Server) Serve(x int) error {", 1),
        ("impl<T> Pump for Water<T> {", 1),
        ("    pub fn new() -> Self {", 2),
        ("CREATE TABLE pumps (", 1),
        ("create or replace view v as select 1;", 1),
        ("start() {", 1),
        ("module Pumps", 1),
        ("        if (water) {", 0),
        ("    for (int i = 0; i < 3; i++) {", 0),
        ("return new Pump(water)", 0),
        ("    self.pump(water)", 0),
        ("int pump(int water);", 0),
        ("# def is a keyword", 0),
    ],
)
def test_definitions_are_known_by_their_look(line, level):
    _, blocks = _read(f"x = 1\n{line}\n  y = 2\n")

    assert [found for kind, found, _ in blocks if kind == "heading"] == ([level] if level else [])


def test_sections_and_outermost_keys_of_configuration_are_headings():
    _, blocks = _read("a: 1\nserver:\n  port: 1\n[tool.ruff]\nline = 1\n", read_configuration)

    assert [text for kind, _, text in blocks if kind == "heading"] == ["server:", "[tool.ruff]"]


def test_a_long_line_costs_no_time():
    text, _ = _read("public " * 20_000 + "\n" + "a b<" * 30 + "\n")

    assert len(text) > 100_000
