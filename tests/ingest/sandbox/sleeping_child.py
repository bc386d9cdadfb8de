"""A child that starts and then answers nothing."""

import sys
import time

from ingest.sandbox import wire

if __name__ == "__main__":
    wire.write_frames(sys.stdout.buffer.raw, [b""])
    time.sleep(60)
