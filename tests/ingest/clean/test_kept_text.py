"""What is left of a slice when removed characters are taken out."""

import pytest

from ingest.clean.page_layout import KeptText
from ingest.types import Removal

#       0123456789
TEXT = "ab--cd  ef"
KEPT = KeptText(TEXT, [Removal("hyphens", 1, 2, 4), Removal("blanks", 1, 7, 8)])


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0, 10, "abcd ef"),
        (0, 2, "ab"),
        (0, 3, "ab"),
        (3, 6, "cd"),
        (2, 4, ""),
        (3, 3, ""),
        (7, 10, "ef"),
        (8, 10, "ef"),
    ],
)
def test_removed_characters_are_left_out_even_at_the_edges(start, end, kept):
    assert KEPT.of(start, end) == kept


def test_only_removals_of_other_than_blanks_join_words():
    assert KEPT.joints(0, 10) == 1
    assert KEPT.joints(4, 10) == 0
