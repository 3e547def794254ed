"""What `gunicorn dashboard.wsgi` takes from here, by itself and under `manage.py serve`."""

worker_class = "dashboard.web.worker.Worker"  # no thread waits for a client
keepalive = 75  # seconds; a gateway asks every two
