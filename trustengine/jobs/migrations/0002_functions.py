from django.db import migrations

from trustengine.jobs.functions import install


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [install()]
