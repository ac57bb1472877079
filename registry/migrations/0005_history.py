from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_policy"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="changerow",
            index=models.Index(
                fields=["region", "key", "index"],
                name="registry_change_history",
                opclasses=["varchar_ops", "varchar_pattern_ops", "int8_ops"],
            ),
        ),
        migrations.RemoveIndex(
            model_name="changerow",
            name="registry_change_key",
        ),
    ]
