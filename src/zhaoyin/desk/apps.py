from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "zhaoyin.desk"
    label = "desk"
