"""A child whose splitting loses a character."""

import sys

from ingest.sandbox import reader_child
from ingest.sandbox.processing import Unbalanced


def _unbalanced(*_args, **_options):
    raise Unbalanced("3 characters are nowhere")


if __name__ == "__main__":
    reader_child.process = _unbalanced
    reader_child.serve(*map(int, sys.argv[1:]))
