"""What is written in one turn of the loop goes out as one."""

import asyncio

from discovery.web.http1.corked_transport import Corked


class Recording(asyncio.Transport):
    """Remembers what is written to it, and refuses to be written to when it is closed, as uvloop's do."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def corked() -> tuple[Corked, Recording]:
    recording = Recording()
    return Corked(recording, asyncio.get_running_loop()), recording


async def test_a_turn_of_the_loop_is_one_write() -> None:
    transport, recording = corked()
    transport.write(b"head ")
    transport.write(b"body")
    assert recording.writes == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert recording.writes == [b"head body", b"next"]


async def test_what_was_written_is_sent_before_the_end() -> None:
    transport, recording = corked()
    transport.write(b"farewell")
    transport.close()
    assert (recording.writes, recording.closed) == ([b"farewell"], True)


async def test_what_was_written_to_a_client_that_has_gone_is_nobodys_affair() -> None:
    transport, recording = corked()
    transport.write(b"too late")
    recording.close()
    await asyncio.sleep(0)
    assert recording.writes == []
