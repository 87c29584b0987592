from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "trustengine.audit"
    verbose_name = "Audit"
