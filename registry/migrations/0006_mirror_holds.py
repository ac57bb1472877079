"""What is held of mirrors of other regions is a hold like any other: a kind more, and no change of the table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_history")]

    operations = [
        migrations.AlterField(
            "heldrow",
            "kind",
            models.CharField(
                choices=[("expiry", "expiry"), ("probe", "probe"), ("removal", "removal"), ("mirror", "mirror")],
                max_length=16,
            ),
        ),
    ]
