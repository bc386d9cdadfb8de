"""A child that starts and then answers nothing."""

import sys
import time
from multiprocessing.connection import Connection

if __name__ == "__main__":
    connection = Connection(int(sys.argv[2]))
    connection.send_bytes(b"")
    time.sleep(60)
