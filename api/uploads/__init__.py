"""Files that arrive: whole in a request, or in pieces that go on after a broken line."""
