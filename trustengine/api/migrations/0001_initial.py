
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PassedActions',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit', models.CharField(max_length=50)),
                ('caller', models.CharField(max_length=100)),
                ('moments', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), size=None)),
            ],
            options={
                'verbose_name_plural': 'passed actions',
                'constraints': [models.UniqueConstraint(fields=('limit', 'caller'), name='passedactions_one_row_per_caller')],
            },
        ),
        migrations.CreateModel(
            name='StoredAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('path', models.TextField()),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.BinaryField(help_text='SHA-256 of method, query and body.')),
                ('status', models.PositiveSmallIntegerField()),
                ('headers', models.JSONField(default=dict)),
                ('body', models.TextField(blank=True, help_text='JSON; empty where the answer had no body.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='storedanswer_created_at')],
                'constraints': [models.UniqueConstraint(models.F('user'), models.F('key'), django.db.models.functions.text.MD5('path'), name='storedanswer_once_per_key')],
            },
        ),
    ]
