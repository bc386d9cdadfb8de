"""Training at a service elsewhere that speaks OpenAI's API, or nearly: `services` says how.

Rows are uploaded, a job is made, and it is looked at again and again until it has ended. The ids of
the files are stored before the job is made: after a crash in between, the job of those files is
looked for, so that none is made, and paid for, twice. The
service's key goes into one header and nowhere else; of its errors only the code is told.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from kb.errors import Conflict, Unavailable
from kb.outbound.addresses import host_of, is_refused, leads_astray
from kb.settings_sections import TuningBackendSettings
from kb.store.tuning.jobs import NewEvent
from kb.types import TuningJob
from tune.jobs.backends import Outcome, Work
from tune.jobs.failures import TrainingFailed, Unwanted
from tune.jobs.services import SERVICES, Asked, Place, Service, found
from tune.rows import forms
from tune.rows.canonical import read_rows

Verb = Literal["cancel", "pause", "resume"]

TIMEOUT_S = 120.0
SLOWER = 1.5
SLOWEST = 12
MOST_FAILURES = 60
"""In a row: an hour at the slowest pace. The job goes on there meanwhile."""
EVENTS_AT_ONCE = MOST_LISTED = 100
_LOOK_S = 0.5
_CODE = re.compile(r"[\w.-]{1,64}")
_MAY_PASS = (408, 409, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class RemoteBackend:
    """One service."""

    settings: TuningBackendSettings

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        with self._client() as client:
            job_id = work.job.remote_id or work.memory.get("remote_id")
            if job_id is None:
                job_id = self._begun(client, work)
            return self._followed(client, work, str(job_id))

    def tell(self, job: TuningJob, verb: Verb) -> None:
        """Pass on what is asked of a job.

        Raises:
            Conflict: the service does not do that, or has not begun the job.
            Unavailable: it does not answer.
        """
        if job.remote_id is None and verb == "cancel":
            return
        if job.remote_id is None or verb not in self._service.verbs:
            raise Conflict(f"The service of this job cannot {verb} it now. Cancel it instead.")
        try:
            with self._client() as client:
                self._asked(client, "POST", f"{self._service.jobs}/{job.remote_id}/{verb}")
        except (TrainingFailed, httpx.HTTPError) as exc:
            raise Unavailable(f"The service of this job could not {verb} it: {exc}") from exc

    @property
    def _service(self) -> Service:
        return SERVICES[self.settings.kind]

    def _client(self) -> httpx.Client:
        """Redirects are not followed: they could lead rows and key anywhere."""
        url, service = self.settings.base_url.rstrip("/"), self._service
        _check_address(url)
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
        if blocking := [each.detail for each in written.findings if each.blocks]:
            raise TrainingFailed("invalid_training_file", " ".join(blocking))
        told = [NewEvent(each.detail, level="warn") for each in written.findings]
        work.tell(told, work.memory)
        mark = b"\xef\xbb\xbf" if service.has_mark else b""
        data = mark + b"".join(written.files.values())
        part = {service.file_part: (path.name, data, "application/jsonl")}
        fields = {"purpose": "fine-tune"}
        answer = self._asked(client, "POST", service.files, files=part, data=fields)
        return _named(answer, service.file_id)

    def _followed(self, client: httpx.Client, work: Work, job_id: str) -> Outcome:
        pause, last = self.settings.poll_s, work.memory.get("last")
        while True:
            last = self._told(client, work, job_id, last)
            answer = self._looked(client, work, f"{self._service.jobs}/{job_id}")
            if (outcome := self._outcome(answer)) is not None:
                self._told(client, work, job_id, last)
                return outcome
            _wait(work, pause)
            pause = min(pause * SLOWER, self.settings.poll_s * SLOWEST)

    def _looked(self, client: httpx.Client, work: Work, path: str, **params: Any) -> Any:
        """What a service answers, also where it does not for a while."""
        pause = self.settings.poll_s
        for _ in range(MOST_FAILURES):
            try:
                return self._asked(client, "GET", path, params=params)
            except (httpx.HTTPError, _MayPass) as exc:
                reason = type(exc).__name__
            _wait(work, pause)
            pause = min(pause * SLOWER, self.settings.poll_s * SLOWEST)
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
                _plain_code(code) or f"{status}_elsewhere",
                self._without_key(str(detail or f"The service says that the job is {status}.")),
            )
        if status != "succeeded":
            return None
        tokens = found(answer, service.tokens)
        return Outcome(
            remote_model=_named(answer, service.model),
            trained_tokens=tokens if isinstance(tokens, int) else None,
        )

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
            memory = {"remote_id": job_id, "last": ids[0]}
            work.tell([self._event(each) for each in reversed(new)], memory)
        return ids[0] if ids else last

    def _event(self, raw: Mapping[str, Any]) -> NewEvent:
        data = raw.get("data")
        return NewEvent(
            self._without_key(str(raw.get("message") or "")),
            json.loads(self._without_key(json.dumps(data))) if isinstance(data, dict) else {},
            level if (level := raw.get("level")) in ("info", "warn", "error") else "info",
            "metrics" if raw.get("type") == "metrics" else "message",
        )

    def _asked(self, client: httpx.Client, method: str, path: str, **others: Any) -> Any:
        answer = client.request(method, path, **others)
        if answer.status_code in _MAY_PASS:
            raise _MayPass("backend_busy", f"The service answers HTTP {answer.status_code}.")
        if not answer.is_success:
            code = None
            with suppress(ValueError, AttributeError, TypeError):
                body = answer.json()
                code = _plain_code(found(body, ("error", "code")) or body.get("code"))
            said = f" ({code})" if code else ""
            detail = f"The service refuses with HTTP {answer.status_code}{said}."
            raise TrainingFailed("backend_refused", detail)
        try:
            return answer.json()
        except ValueError as exc:
            raise _MayPass("backend_answer", "The service answers something else.") from exc

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


def _plain_code(code: object) -> str | None:
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _wait(work: Work, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if not work.is_wanted():
            raise Unwanted
        time.sleep(min(left, _LOOK_S))


def _check_address(url: str) -> None:
    """Raises TrainingFailed where rows must not be sent to."""
    host = host_of(url)
    with suppress(OSError):  # a name that means nothing fails when it is called
        if host is not None and not leads_astray(host):
            addresses = [str(info[4][0]) for info in socket.getaddrinfo(host.strip("[]"), None)]
            if not any(map(is_refused, addresses)):
                return
            host = None
    if host is None or leads_astray(host):
        detail = "Its base_url is no plain address, or leads to a link-local or metadata address."
        raise TrainingFailed("backend_address", f"{detail} Check KB_TUNING__BACKENDS.")
