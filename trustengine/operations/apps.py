from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "trustengine.operations"
    verbose_name = "Operations"
