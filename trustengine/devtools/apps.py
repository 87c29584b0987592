from django.apps import AppConfig


class DevtoolsConfig(AppConfig):
    name = "trustengine.devtools"
    verbose_name = "Devtools"
