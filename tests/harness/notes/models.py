"""The table of notes."""

from typing import ClassVar

from django.db import models


class NoteRow(models.Model):
    """A live note."""

    objects: ClassVar[models.Manager["NoteRow"]] = models.Manager()

    region = models.CharField(max_length=63)
    name = models.CharField(max_length=200)
    index = models.BigIntegerField()
    record = models.TextField()

    class Meta:
        app_label = "notes"
        db_table = "notes_note"
        constraints = [models.UniqueConstraint(fields=["region", "name"], name="notes_note_name")]
