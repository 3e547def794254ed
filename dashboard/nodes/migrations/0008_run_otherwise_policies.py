"""Policies that gateways run otherwise, beside APIs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodes", "0007_gateway_control"), ("orgs", "0006_chosen_ids")]

    operations = [
        migrations.AddField(
            "gatewaycontrol", "other_policies", models.PositiveIntegerField(db_default=0, default=0)
        ),
        migrations.AddField("gatewaycontrol", "policies", models.PositiveIntegerField(null=True)),
        migrations.AddField(
            "gatewaycontrol", "strange_policies", models.PositiveIntegerField(db_default=0, default=0)
        ),
        migrations.AddField(
            "runotherwise", "kind", models.CharField(db_default="api", default="api", max_length=6)
        ),
        migrations.RemoveConstraint("runotherwise", "otherwise_once_a_gateway"),
        migrations.AddConstraint(
            "runotherwise",
            models.UniqueConstraint(
                fields=["org", "control_id", "kind", "api"], name="otherwise_once_a_kind"
            ),
        ),
    ]
