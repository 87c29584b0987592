from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "trustengine.mail"
