"""What a key may use: requests a minute and open streams, counted for each key by itself."""

from __future__ import annotations

import pytest

from kb.access import Caller, OpenStreams
from kb.access.limits import RequestRates
from kb.errors import RateLimited
from kb.store.access.keys import Credential
from kb.types import Limits, Scope


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def caller(key_id: str = "k", digest: bytes = b"1", **limits: int) -> Caller:
    credential = Credential(key_id, digest)
    return Caller("app", Scope.admin(), key_id, credential, Limits(**limits))


def admitted(rates: RequestRates, asking: Caller, times: int) -> int:
    done = 0
    for _ in range(times):
        try:
            rates.admit(asking)
        except RateLimited:
            break
        done += 1
    return done


def test_a_key_may_use_its_minute_at_once_and_then_waits_for_the_next_request():
    clock = Clock()
    rates = RequestRates(clock)

    assert admitted(rates, caller(requests_per_minute=30), 100) == 30
    with pytest.raises(RateLimited, match="30 requests a minute") as refused:
        rates.admit(caller(requests_per_minute=30))
    assert refused.value.retry_after_s == 2  # 60 s / 30

    clock.now += 2
    assert admitted(rates, caller(requests_per_minute=30), 100) == 1
    clock.now += 1e9
    assert admitted(rates, caller(requests_per_minute=30), 100) == 30


def test_keys_do_not_use_up_each_others_requests_and_no_limit_is_none():
    rates = RequestRates(Clock())

    assert admitted(rates, caller("a", requests_per_minute=2), 5) == 2
    assert admitted(rates, caller("b", requests_per_minute=3), 5) == 3
    assert admitted(rates, caller("c"), 500) == 500
    assert admitted(rates, Caller("admin", Scope.admin()), 500) == 500


def test_a_key_has_no_more_streams_open_than_it_may():
    streams = OpenStreams()
    asking = caller(concurrent_streams=2)
    first, _second = streams.open(asking), streams.open(asking)
    streams.open(caller("another", concurrent_streams=1))

    with pytest.raises(RateLimited, match="2 answers open at once"):
        streams.open(asking)
    streams.close(first)
    streams.close(first)
    third = streams.open(asking)

    with pytest.raises(RateLimited):
        streams.open(asking)
    assert not third.is_revoked


def test_ending_a_secret_ends_its_streams_and_wakes_their_readers():
    streams, woken = OpenStreams(), []
    old, new = streams.open(caller(digest=b"old")), streams.open(caller(digest=b"new"))
    old.on_revoked(lambda: woken.append("old"))
    assert streams.credentials() == {Credential("k", b"old"), Credential("k", b"new")}

    streams.revoke({Credential("k", b"old")})

    assert (old.is_revoked, new.is_revoked, woken) == (True, False, ["old"])
    streams.close(old)
    streams.close(new)
    assert streams.credentials() == set()


def test_limits_that_a_key_does_not_set_come_from_elsewhere():
    own = Limits(requests_per_minute=5)
    assert own.or_else(Limits(requests_per_minute=9, tokens_per_day=7)) == Limits(5, None, 7)
