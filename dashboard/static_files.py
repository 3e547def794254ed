"""Static files under names that change with their content, or under their own where none was made.

`gunicorn dashboard.wsgi` alone collects nothing: until somebody does, or where a file came after the last time, pages
name the file itself, which WhiteNoise finds in the checkout. A missing picture is no reason to answer 500.
"""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Collected(ManifestStaticFilesStorage):
    def stored_name(self, name: str) -> str:
        try:
            return super().stored_name(name)
        except ValueError:  # neither in the manifest nor collected
            return name


class CollectedAndCompressed(Collected, CompressedManifestStaticFilesStorage):
    pass
