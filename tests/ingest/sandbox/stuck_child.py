"""A child that reads no task and stops in the middle of a frame."""

import os
import sys
import time

if __name__ == "__main__":
    os.write(int(sys.argv[2]), b"\0\0\0\0" + b"\0\0\0\x09half")
    time.sleep(60)
