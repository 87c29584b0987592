from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "trustengine.api"
    verbose_name = "API"
