"""For `gunicorn --config python:dashboard.web.gunicorn_settings dashboard.wsgi`, as `manage.py serve` runs it."""

worker_class = "dashboard.web.worker.Worker"  # no thread waits for a client
keepalive = 75  # seconds; a gateway asks every two
