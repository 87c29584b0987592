from django.db import migrations

from trustengine.jobs.functions import FINISH
from trustengine.stored_functions import Install


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [Install(FINISH, "bec751a3fdb83fc0")]
