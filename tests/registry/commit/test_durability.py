"""An answer is a promise: what was acknowledged is in the log, whatever becomes of the process."""

from collections.abc import Callable

from registry.models import ChangeRow, InstanceRow
from tests.harness.registry.writers import start_writing
from tests.registry.conftest import Register

ENOUGH = 300


def test_a_writer_that_is_killed_has_lost_nothing_it_acknowledged(
    register: Register, sound: Callable[[], None]
) -> None:
    with start_writing("doomed", 1_000_000, callers=16) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(ENOUGH)]
        process.kill()
        acknowledged += process.stdout.read().split("\n")[:-1]  # the last piece may be half a line
    logged = {key.rpartition("/")[2] for key in ChangeRow.objects.values_list("key", flat=True)}
    assert len(acknowledged) >= ENOUGH
    assert set(acknowledged) <= logged
    assert {*InstanceRow.objects.values_list("instance_id", flat=True)} == logged
    sound()
    register("next")
    sound()
