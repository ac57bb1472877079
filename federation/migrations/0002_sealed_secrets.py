"""Secrets that this region shows to its peers rest sealed."""

from typing import Any

from django.db import migrations, models

from federation.peers.sealing import seal, unseal


def seal_all(apps: Any, _schema: object) -> None:
    """Seal what is there."""
    for peer in apps.get_model("federation", "Peer").objects.exclude(secret=""):
        peer.secret = seal(peer.secret)
        peer.save(update_fields=["secret"])


def unseal_all(apps: Any, _schema: object) -> None:
    """As it was before."""
    for peer in apps.get_model("federation", "Peer").objects.exclude(secret=""):
        peer.secret = unseal(peer.secret)
        peer.save(update_fields=["secret"])


class Migration(migrations.Migration):
    dependencies = [("federation", "0001_initial")]

    operations = [
        migrations.AlterField("peer", "secret", models.TextField(blank=True, editable=False)),
        migrations.RunPython(seal_all, unseal_all),
    ]
