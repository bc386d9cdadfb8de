"""What a file is: its media type and its encoding, told by its bytes."""
