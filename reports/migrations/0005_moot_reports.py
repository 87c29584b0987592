"""Let reports be moot, and tell those of 0.1.0 apart that were dismissed though nobody had looked."""

from django.db import migrations, models
from django.db.models import Q

MOOT = "UPDATE reports_report SET status = 'moot', reviewed_at = NULL WHERE status = 'dismissed' AND reviewed_by_id IS NULL"
DISMISSED = "UPDATE reports_report SET status = 'dismissed', reviewed_at = updated_at WHERE status = 'moot'"


class Migration(migrations.Migration):
    dependencies = [("reports", "0004_moderate_products")]

    operations = [
        migrations.RemoveConstraint("report", "report_reviewed_when_decided"),
        migrations.RunSQL(MOOT, DISMISSED),
        migrations.AlterField(
            "report",
            "status",
            models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("actioned", "Actioned"),
                    ("dismissed", "Dismissed"),
                    ("moot", "Moot"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="pending",
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            "report",
            models.CheckConstraint(
                condition=Q(
                    ("reviewed_at", None), ("reviewed_by", None), ("status__in", ["pending", "withdrawn", "moot"])
                )
                | Q(("reviewed_at__isnull", False), ("status__in", ["actioned", "dismissed"])),
                name="report_reviewed_when_decided",
            ),
        ),
    ]
