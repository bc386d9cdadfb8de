"""Mails, records, subtitles, code and pictures that the ingest tests make themselves."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from tests.ingest.readers.outlook_samples import BODY, SENDER, SUBJECT, TO, message

MAIL = """From: =?utf-8?B?5byg5LiJ?= <z@example.org>
To: b@example.org
Date: Mon, 5 Jan 2026 10:00:00 +0000
Subject: About pumps
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=utf-8

A pump moves water.

--x
Content-Type: text/csv; charset=utf-8; name=parts.csv
Content-Disposition: attachment; filename=parts.csv

part,price
seal,3

--x--
"""

MAILBOX = "\n".join(f"From {name}@example.org Mon Jan  5 10:00:00 2026\n{MAIL}" for name in "ab")

SRT = """1
00:00:01,000 --> 00:00:03,000
<i>A pump</i> moves

2
00:00:03,100 --> 00:00:05,000
water &amp; oil.

3
00:10:01,000 --> 00:10:02,000
Late.
"""

VTT = """WEBVTT

STYLE
::cue { color: red }

intro
01:01.000 --> 01:02.000 align:start
<v Bob>A pump <c.loud>moves</c> water.

NOTE nobody says this
"""

PYTHON = '''"""Pumps."""

class Pump:
    """Moves water."""

    def start(self) -> None:
        self.on  =  True

def seal():
    return 3
'''

YAML = "name: pump\nparts:\n  - seal\n[not a section\n"


def picture(kind: str, words: str = "A pump moves water.") -> bytes:
    """A picture of some words in Pillow's own letters."""
    drawn = Image.new("L", (300, 60), 255)
    ImageDraw.Draw(drawn).text((10, 20), words, fill=0)
    out = io.BytesIO()
    drawn.save(out, kind)
    return out.getvalue()


WEB_ARCHIVE = """From: <Saved by a browser>
Subject: Pumps
MIME-Version: 1.0
Content-Type: multipart/related; type="text/html"; boundary="b"

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<h1>Pumps</h1><p>A pump mo=
ves water at 20=C2=B0.</p>
--b
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0=
--b--
"""

MESSAGE_SAMPLES: dict[str, tuple[str, bytes]] = {
    "message/rfc822": ("pumps.eml", MAIL.encode()),
    "application/x-mimearchive": ("pumps.mht", WEB_ARCHIVE.encode()),
    "application/mbox": ("pumps.mbox", MAILBOX.encode()),
    "application/vnd.ms-outlook": (
        "pumps.msg",
        message({SUBJECT: "Pumps", SENDER: "Z", TO: "B", BODY: "A pump moves water."}),
    ),
    "application/json": ("pumps.json", b'[{"part": "seal", "price": 3.10}, {"part": "pump"}]'),
    "application/x-ndjson": ("pumps.jsonl", b'{"part": "seal", "price": 3}\n{"part": "pump"}\n'),
    "application/x-subrip": ("pumps.srt", SRT.encode()),
    "text/vtt": ("pumps.vtt", VTT.encode()),
    "application/xml": (
        "pumps.xml",
        b"<parts><part><name>seal</name></part><part><name>pump</name></part></parts>",
    ),
    "text/x-java-properties": ("pumps.properties", b"part=seal\nname=pump"),
    "text/x-source": ("pumps.py", PYTHON.encode()),
    "text/x-configuration": ("pumps.yaml", YAML.encode()),
    "image/png": ("pumps.png", picture("PNG")),
    "image/jpeg": ("pumps.jpg", picture("JPEG")),
    "image/gif": ("pumps.gif", picture("GIF")),
    "image/tiff": ("pumps.tif", picture("TIFF")),
}
