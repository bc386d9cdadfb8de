"""From the bytes of an upload to queued documents: uploads, archives, resumable transfers."""
