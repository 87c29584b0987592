from django.db import migrations

from metrics.functions import FOLLOW
from trustengine.stored_functions import Install


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [Install(FOLLOW, "abd04f8c2cface53")]
