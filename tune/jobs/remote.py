"""Training at a service elsewhere that speaks OpenAI's API, or nearly: `services` says how.

Rows are uploaded, a job is made, and it is looked at again and again until it has ended. The ids of
the files are stored before the job is made: after a crash in between, the job of those files is
looked for, so that none is made, and paid for, twice. The service's key goes into one header and
nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kb.errors import Unavailable
from kb.settings_sections import TuningBackendSettings
from kb.store.tuning.jobs import NewEvent
from kb.types import EventKind, EventLevel, TuningJob
from tune.jobs.backends import Outcome, TrainingFailed, Unwanted, Work
from tune.jobs.services import SERVICES, Asked, Place, Service, found
from tune.rows import forms
from tune.rows.canonical import read_rows

TIMEOUT_S = 120.0
MOST_FAILURES = 120
"""In a row. The job goes on there meanwhile."""
EVENTS_AT_ONCE = MOST_LISTED = 100
MARK = b"\xef\xbb\xbf"
_LOOK_S = 0.5
_MAY_PASS = (408, 409, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class RemoteBackend:
    """One service."""

    settings: TuningBackendSettings

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        with self._client() as client:
            job_id = work.job.remote_id or self._begun(client, work)
            return self._followed(client, work, job_id)

    def cancel(self, job: TuningJob) -> None:
        """End a job there, if it has begun. Raises Unavailable where the service does not."""
        if job.remote_id is None:
            return
        try:
            with self._client() as client:
                self._asked(client, "POST", f"{self._service.jobs}/{job.remote_id}/cancel")
        except (TrainingFailed, httpx.HTTPError) as exc:
            raise Unavailable(f"The service of this job could not cancel it: {exc}") from exc

    @property
    def _service(self) -> Service:
        return SERVICES[self.settings.kind]

    def _client(self) -> httpx.Client:
        """Redirects are not followed: they could lead rows and key anywhere."""
        url, service = self.settings.base_url.rstrip("/"), self._service
        key = f"{service.key_prefix}{self.settings.api_key.get_secret_value()}"
        return httpx.Client(base_url=url, headers={service.key_header: key}, timeout=TIMEOUT_S)

    def _begun(self, client: httpx.Client, work: Work) -> str:
        service, job = self._service, work.job
        suffix = job.suffix and job.suffix[: service.suffix_length]
        job_id = None
        if (files := work.memory.get("files")) is not None:
            train, valid = files
            job_id = self._made_before(client, work, train)
        else:
            train = self._uploaded(client, work, work.train)
            valid = self._uploaded(client, work, work.valid) if work.valid else None
            work.tell([], {"files": [train, valid]})
        if job_id is None:
            job_id = self._made(client, work, Asked(job, work.model, train, valid, suffix))
        events = [NewEvent(f"The service has the job as {job_id}.")]
        if suffix != job.suffix:
            events.append(NewEvent(f"The suffix is cut to {suffix!r}.", level="warn"))
        work.tell(events, {"remote_id": job_id})
        return job_id

    def _made(self, client: httpx.Client, work: Work, asked: Asked) -> str:
        service = self._service
        try:
            answer = self._asked(client, "POST", service.jobs, json=service.body(asked))
        except httpx.HTTPError:  # it may be made, though nobody said so
            if (job_id := self._made_before(client, work, asked.train)) is not None:
                return job_id
            raise
        return _named(answer, service.job_id)

    def _made_before(self, client: httpx.Client, work: Work, train: str) -> str | None:
        """The newest job that learns from a file, if there is one. Each upload has an id of its
        own, so it can only be ours."""
        service = self._service
        answer = self._looked(client, work, service.jobs, limit=MOST_LISTED, page_size=MOST_LISTED)
        every = found(answer, service.listed) or []
        ours = (each for each in every if found(each, service.listed_file) == train)
        return next((_named(each, service.listed_id) for each in ours), None)

    def _uploaded(self, client: httpx.Client, work: Work, path: Path) -> str:
        service, method = self._service, work.job.method
        if method not in service.target:
            raise TrainingFailed("method_unknown", f"This service does not train by {method}.")
        written = forms.write(read_rows(path), service.target[method])
        work.tell([NewEvent(each.detail, level="warn") for each in written.findings], work.memory)
        data = (MARK if service.has_mark else b"") + b"".join(written.files.values())
        part = {service.file_part: (path.name, data, "application/jsonl")}
        fields = {"purpose": "fine-tune"}
        answer = self._asked(client, "POST", service.files, files=part, data=fields)
        return _named(answer, service.file_id)

    def _followed(self, client: httpx.Client, work: Work, job_id: str) -> Outcome:
        last = work.memory.get("last")
        while True:
            last = self._told(client, work, job_id, last)
            answer = self._looked(client, work, f"{self._service.jobs}/{job_id}")
            if (outcome := self._outcome(answer)) is not None:
                self._told(client, work, job_id, last)
                return outcome
            _wait(work, self.settings.poll_s)

    def _looked(self, client: httpx.Client, work: Work, path: str, **params: Any) -> Any:
        """What a service answers, also where it does not for a while."""
        for _ in range(MOST_FAILURES):
            try:
                return self._asked(client, "GET", path, params=params)
            except (httpx.HTTPError, _MayPass) as exc:
                reason = type(exc).__name__
            _wait(work, self.settings.poll_s)
        detail = f"The service did not answer for long ({reason})."
        raise TrainingFailed("backend_unreachable", detail)

    def _outcome(self, answer: Any) -> Outcome | None:
        service = self._service
        said = str(found(answer, service.status))
        status = service.statuses.get(said, said)
        if status in ("failed", "cancelled"):
            error = found(answer, service.error)
            code, detail = found(error, ("code",)), found(error, ("message",))
            raise TrainingFailed(
                self._without_key(str(code or f"{status}_elsewhere")),
                self._without_key(str(detail or f"The service says that the job is {status}.")),
            )
        if status != "succeeded":
            return None
        model, tokens = _named(answer, service.model), found(answer, service.tokens)
        return Outcome(remote_model=model, trained_tokens=tokens)

    def _told(self, client: httpx.Client, work: Work, job_id: str, last: str | None) -> str | None:
        """Store what has happened since the event `last`; gives the newest one."""
        if not self._service.has_events:
            return last
        path = f"{self._service.jobs}/{job_id}/events"
        answer = self._looked(client, work, path, limit=EVENTS_AT_ONCE)
        newest = found(answer, ("data",)) or []
        ids = [str(each["id"]) for each in newest]
        new = newest[: ids.index(last)] if last in ids else newest
        if new:
            work.tell([self._event(each) for each in reversed(new)], {"last": ids[0]})
        return ids[0] if ids else last

    def _event(self, told: Mapping[str, Any]) -> NewEvent:
        raw = json.loads(self._without_key(json.dumps(told)))
        data = raw["data"] if isinstance(raw.get("data"), dict) else {}
        levels: dict[str, EventLevel] = {"warn": "warn", "error": "error"}
        level = levels.get(str(raw.get("level")), "info")
        kind: EventKind = "metrics" if raw.get("type") == "metrics" else "message"
        return NewEvent(str(raw.get("message") or ""), data, level, kind)

    def _asked(self, client: httpx.Client, method: str, path: str, **others: Any) -> Any:
        """What the service answers. Of its errors only the code is told."""
        answer = client.request(method, path, **others)
        body = None
        with suppress(ValueError):
            body = answer.json()
        if answer.status_code in _MAY_PASS or (answer.is_success and body is None):
            raise _MayPass("backend_busy", f"The service answers HTTP {answer.status_code}.")
        if not answer.is_success:
            code = found(body, ("error", "code")) or found(body, ("code",)) or "no code"
            detail = f"The service refuses with HTTP {answer.status_code} ({code})."
            raise TrainingFailed("backend_refused", self._without_key(detail))
        return body

    def _without_key(self, text: str) -> str:
        return text.replace(self.settings.api_key.get_secret_value(), "…")


class _MayPass(TrainingFailed):
    """The same request may work in a while."""


def _named(answer: Any, place: Place) -> str:
    """A name in an answer. Raises TrainingFailed where there is none."""
    name = found(answer, place)
    if not isinstance(name, str) or not name:
        said = f"The service's answer lacks {'.'.join(map(str, place))}."
        raise TrainingFailed("backend_answer", said)
    return name


def _wait(work: Work, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not work.is_wanted():
            raise Unwanted
        time.sleep(min(left, _LOOK_S))
