"""What is held of mirrors moves to the registry's table of holds, where all holds are."""

from typing import Any
from uuid import uuid4

from django.db import migrations


def move(apps: Any, _schema: object) -> None:
    """Take along what is held, and what was approved and has not happened yet."""
    mirrors = apps.get_model("federation", "MirrorState").objects.exclude(held="")
    region = apps.get_model("registry", "Region").objects.filter(is_local=True).first()
    for mirror in mirrors if region is not None else ():
        apps.get_model("registry", "HeldRow").objects.create(
            id=uuid4().hex, region=region.name, kind="mirror", scope="region", name=mirror.region,
            formula=mirror.held, members="[]", population=0, earlier=0, at=mirror.held_at or 0.0,
            expires_at=mirror.held_until or 0.0, state="approved" if mirror.approved_by else "open",
            decided_by=mirror.approved_by, decided_at=mirror.held_at if mirror.approved_by else None,
            reason=mirror.approved_reason,
        )  # fmt: skip
    mirrors.update(held="")


class Migration(migrations.Migration):
    dependencies = [("federation", "0002_sealed_secrets"), ("registry", "0006_mirror_holds")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
