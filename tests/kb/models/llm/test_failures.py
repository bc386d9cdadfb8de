"""What a server asks for with Retry-After, and how long to rest otherwise."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kb.models.llm.failures import FIRST_PAUSE_S, TryAgain, pause_s, retry_after_s


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("99999999", 99999999.0),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("Wed, 99 Foo 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nonsense_is_none(value, seconds):
    assert retry_after_s({"retry-after": value}) == seconds


def test_a_date_to_come_is_so_far_away():
    moment = datetime.now(UTC) + timedelta(seconds=90)
    found = retry_after_s({"retry-after": format_datetime(moment, usegmt=True)})
    assert found is not None
    assert 80 < found <= 90


def test_no_header_is_none():
    assert retry_after_s({}) is None


def test_the_servers_wish_goes_before_a_pause_that_grows():
    assert pause_s(TryAgain("x", 3.0), 1) == 3.0
    assert FIRST_PAUSE_S / 2 <= pause_s(TryAgain("x"), 1) <= FIRST_PAUSE_S
    assert FIRST_PAUSE_S * 2 <= pause_s(TryAgain("x"), 3) <= FIRST_PAUSE_S * 4
