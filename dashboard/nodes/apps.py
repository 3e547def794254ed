from django.apps import AppConfig


class NodesConfig(AppConfig):
    name = "dashboard.nodes"
    label = "nodes"
    verbose_name = "gateway nodes"
