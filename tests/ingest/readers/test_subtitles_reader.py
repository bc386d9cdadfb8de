"""Subtitles: what is said, and when."""

from io import BytesIO

import pytest

from ingest.readers.plain.subtitles import read_subtitles
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.message_samples import SRT, VTT


def _pages(source):
    extraction = read_subtitles(BytesIO(source.encode()), ReadOptions())
    return [(page.number, page.text) for page in extraction.pages], extraction.warnings


def test_cues_are_joined_into_paragraphs_with_their_time_a_page_per_ten_minutes():
    assert _pages(SRT) == (
        [(1, "[00:00:01] A pump moves water & oil."), (2, "[00:10:01] Late.")],
        (),
    )


def test_styles_notes_labels_and_tags_are_no_speech_and_voices_are_named():
    assert _pages(VTT)[0] == [(1, "[00:01:01] Bob: A pump moves water.")]


def test_a_pause_begins_a_paragraph_and_chinese_is_joined_without_blanks():
    source = (
        "00:01.000 --> 00:02.000\n话说天下\n\n00:02.000 --> 00:03.000\n大势。\n\n"
        "00:09.000 --> 00:10.000\n分久必合。\n"
    )

    assert _pages(source)[0] == [(1, "[00:00:01] 话说天下大势。\n\n[00:00:09] 分久必合。")]


def test_rolling_captions_say_each_line_once_and_count_the_rest():
    source = "".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nline {n}\nline {n + 1}\n\n" for n in range(1, 4)
    )

    pages, warnings = _pages(source)

    assert pages == [(1, "[00:00:01] line 1 line 2 line 3 line 4")]
    assert warnings == ("2 lines that repeat the cue before were left out.",)


def test_a_number_that_is_said_is_kept():
    source = "1\n00:00:01,000 --> 00:00:02,000\n1984\n\n2\n00:00:02,000 --> 00:00:03,000\n12\n"

    assert _pages(source)[0] == [(1, "[00:00:01] 1984 12")]


def test_a_file_without_cues_is_no_success():
    with pytest.raises(UnreadableFile) as refused:
        _pages("WEBVTT\n\nNOTE nothing\n")
    assert refused.value.code == "no_text"
