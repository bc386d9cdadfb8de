"""Requests about access keys, what they may use, and signing in."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from api.resources.fields import Body, Currency, Id, Labels, QuotaBody, Text
from kb.ids import rfc3339
from kb.outbound.addresses import host_of, leads_astray
from kb.store.access.keys import NewKey
from kb.types import AppAccess, EventName, KeyKind, Limits, Quota

MAX_GRACE_S = 7 * 24 * 3600

KeyName = Annotated[Text, StringConstraints(max_length=200)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


def _as_browsers_write_it(origin: str) -> str:
    for scheme, port in (("http://", ":80"), ("https://", ":443")):
        if origin.startswith(scheme):
            return origin.removesuffix(port)
    return origin


def _in_the_future(moment: datetime) -> datetime:
    if moment <= datetime.now(UTC):
        raise ValueError("must lie in the future")
    return moment


Origin = Annotated[
    str,
    StringConstraints(
        max_length=300,
        pattern=r"^https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:\d{1,5})?$",
    ),
    AfterValidator(_as_browsers_write_it),
]
"""Scheme, host and port as the `Origin` header has them: lower case, no path, no wildcard."""

Origins = Annotated[tuple[Origin, ...], Field(max_length=100)]
Expiry = Annotated[AwareDatetime, AfterValidator(_in_the_future)]


class LimitsBody(Body):
    """What a key may use; null sets no limit of its own."""

    requests_per_minute: Count | None = None
    concurrent_streams: Count | None = None
    """Answers that are open at once, streamed or waited for."""
    tokens_per_day: Count | None = None
    """Tokens that models read and write in a day, UTC."""


class _NewKeyBody(Body):
    kind: KeyKind
    name: KeyName = ""
    origins: Origins = ()
    """The pages that a widget key is good on; not given: those of the app."""
    limits: LimitsBody = LimitsBody()
    """What is not set here is as the app's access says."""
    expires_at: Expiry | None = None
    labels: Labels = Field(default_factory=tuple)
    """Opens the documents that have one of them; a widget key those of them that a token signs."""

    @model_validator(mode="after")
    def _only_widgets_have_origins(self) -> Self:
        if self.origins and self.kind != "widget":
            raise ValueError("only a key of kind 'widget' names `origins`")
        if self.labels and self.kind == "admin":
            raise ValueError("a key of kind 'admin' sees all documents and has no `labels`")
        return self

    def to_key(self) -> NewKey:
        return NewKey(
            kind=self.kind,
            name=self.name,
            origins=tuple(dict.fromkeys(self.origins)),
            limits=self.limits.to(Limits),
            expires_at=None if self.expires_at is None else rfc3339(self.expires_at),
            labels=self.labels,
        )


class AppKeyBody(_NewKeyBody):
    """A new key for the app in the address."""

    kind: Literal["app", "widget"] = "app"
    """`app` for servers; `widget` for web pages."""


class KeyBody(_NewKeyBody):
    """A new key: for datasets, for one app, for `/metrics` alone, or for everything."""

    dataset_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    """The datasets that a dataset key opens."""
    app: Id | None = None
    """Id or slug of the app that an app or widget key opens."""
    quota: QuotaBody = QuotaBody()
    """What an admin or dataset key may upload."""

    @model_validator(mode="after")
    def _names_what_it_opens(self) -> Self:
        if (self.kind == "dataset") != bool(self.dataset_ids):
            raise ValueError("a key of kind 'dataset', and no other, names its `dataset_ids`")
        if (self.kind in ("app", "widget")) != (self.app is not None):
            raise ValueError("a key of kind 'app' or 'widget', and no other, names its `app`")
        if self.kind not in ("admin", "dataset") and self.quota != QuotaBody():
            raise ValueError(f"a key of kind {self.kind!r} uploads nothing and has no `quota`")
        return self

    def to_key(self) -> NewKey:
        ids = tuple(dict.fromkeys(self.dataset_ids))
        return replace(super().to_key(), dataset_ids=ids, quota=self.quota.to(Quota))


class KeyChange(Body):
    """What is to change in a key; what is not given stays."""

    limits: LimitsBody | None = None
    quota: QuotaBody | None = None
    labels: Labels | None = None


class BudgetBody(Body):
    """What a key, or everybody who asks an app, may spend in a day or month (UTC)."""

    of: Literal["key", "app"]
    id: Id
    """Of the key; id or slug of the app."""
    amount: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
    """Replaces that of the same unit and period; 0 takes it away."""
    unit: Literal["tokens"] | Currency = "tokens"
    """`tokens`, or the currency of the money."""
    period: Literal["day", "month"] = "month"


class RotateBody(Body):
    """A new secret for a key or webhook."""

    grace_s: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = 0
    """Seconds that the old secret is good for, or signs, as well; 0 ends it at once."""


class AccessBody(Body):
    """What counts for all keys of an app that set nothing else."""

    origins: Origins = ()
    """The pages that its widget keys are good on."""
    limits: LimitsBody = LimitsBody()

    def to_access(self) -> AppAccess:
        return AppAccess(tuple(dict.fromkeys(self.origins)), self.limits.to(Limits))


class LoginBody(Body):
    """Signing in to the console."""

    key: Annotated[Text, StringConstraints(max_length=500)]
    """The admin key."""


def _checked_url(url: str) -> str:
    plain, _, query = url.partition("?")
    host = host_of(plain)
    if host is None or not _QUERY.fullmatch(query):
        raise ValueError(
            "must be plain, as https://host/path?a=b: in ASCII (an international name as xn--…), "
            "an IP address in its usual form, without user and fragment"
        )
    if leads_astray(host):
        raise ValueError(f"leads to {host}, a link-local or metadata address")
    return url


_QUERY = re.compile(r"[\w.~!$&'()*+,;=:@%/?-]*", re.ASCII)
Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_checked_url)]
Events = Annotated[tuple[EventName, ...], Field(min_length=1, max_length=10)]
DatasetIds = Annotated[tuple[Id, ...], Field(max_length=1000)]


class WebhookBody(Body):
    """An address that is to be told what happens."""

    url: Url
    """http or https; addresses of this machine and of private networks are allowed."""
    events: Events
    dataset_ids: DatasetIds = ()
    """Limits it to what happens in these datasets; none: in all. Not with feedback or budgets."""


class WebhookChange(Body):
    """What is to change in a webhook; what is not given stays."""

    url: Url | None = None
    events: Events | None = None
    dataset_ids: DatasetIds | None = None
    active: bool | None = None
    """Switched on again, it is sent what waits, and counts as one that has not failed."""
