from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="NoteRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                ("index", models.BigIntegerField()),
                ("record", models.TextField()),
            ],
            options={
                "db_table": "notes_note",
                "constraints": [models.UniqueConstraint(fields=("region", "name"), name="notes_note_name")],
            },
        ),
    ]
