from django.db import migrations

from metrics.functions import install


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [install("0")]
