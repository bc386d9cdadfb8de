"""A tus client of a few lines."""

from __future__ import annotations

import base64

import httpx

from tests.api.serving import Served

TUS = {"tus-resumable": "1.0.0"}
BYTES = {**TUS, "content-type": "application/offset+octet-stream"}


def described(**fields: str) -> str:
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in fields.items())


def begin(
    served: Served, dataset_id: str, size: int, name: str = "a.md", **fields: str
) -> httpx.Response:
    metadata = described(dataset_id=dataset_id, filename=name, **fields)
    headers = {**TUS, "upload-length": str(size), "upload-metadata": metadata}
    return served.http.post("/v1/uploads", headers=headers)


def send(served: Served, place: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
    said = {**BYTES, "upload-offset": str(offset), **headers}
    return served.http.patch(place, content=data, headers=said)


def offset(served: Served, place: str) -> int:
    return int(served.http.head(place, headers=TUS).headers["upload-offset"])
