"""Where uploaded files are kept: in the data directory, or in a bucket that speaks S3."""

from typing import Any

from trustengine import environment as env

S3_BUCKET = env.text("S3_BUCKET")
SIGNED_URL_SECONDS = env.integer("SIGNED_URL_SECONDS", 300, minimum=10, maximum=604_800)

_S3: dict[str, Any] = {
    "bucket_name": S3_BUCKET,
    "endpoint_url": env.text("S3_ENDPOINT_URL") or None,
    "region_name": env.text("S3_REGION") or None,
    "access_key": env.text("S3_ACCESS_KEY_ID") or None,
    "secret_key": env.text("S3_SECRET_ACCESS_KEY") or None,
    "addressing_style": "path" if env.text("S3_ENDPOINT_URL") else "auto",
    "signature_version": "s3v4",
    "default_acl": None,  # private, as the bucket is
    "querystring_auth": True,
    "querystring_expire": SIGNED_URL_SECONDS,
    "file_overwrite": True,  # names are never used twice
}
_UPLOADS: dict[str, Any] = (
    {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _S3}
    if S3_BUCKET
    else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
)
STORAGES: dict[str, dict[str, Any]] = {
    "default": _UPLOADS,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
