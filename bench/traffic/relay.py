"""The least that passing tokens on can cost: a process that copies bytes between two sockets.

    python -m bench.traffic.relay HOST PORT

It prints the port it listens on. It reads nothing of what it copies, keeps nothing and checks
nothing, so what it takes is asyncio, the kernel and the machine.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

END = b"\r\n0\r\n\r\n"  # of the HTTP chunks of a stream


async def main(host: str, port: int) -> None:
    """Copy until the process is ended."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, ask = await asyncio.open_connection(host, port)
        ask.write(await reader.read(1 << 16))
        with suppress(ConnectionError):
            tail = b""
            while not tail.endswith(END) and (block := await upstream.read(1 << 16)):
                writer.write(block)
                tail = (tail + block)[-len(END) :]
        ask.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
