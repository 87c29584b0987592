"""Where uploaded files are kept: in the data directory, or in a bucket that speaks S3."""

from typing import Any

from trustengine import environment as env

S3_BUCKET = env.text("S3_BUCKET")
SIGNED_URL_SECONDS = env.integer("SIGNED_URL_SECONDS", 300, minimum=10, maximum=604_800)


def bucket_storage(bucket: str, *, endpoint: str, region: str, access_key: str, secret_key: str) -> dict[str, Any]:
    """Django's storage of a bucket. What is empty, the AWS client finds out as it always does."""
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "auto"},
        connect_timeout=2,
        read_timeout=10,
        retries={"max_attempts": 2},
        request_checksum_calculation="when_required",  # not every store that speaks S3 knows the newer ones
        response_checksum_validation="when_required",
    )
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "endpoint_url": endpoint or None,
        "region_name": region or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
        "client_config": config,
        "default_acl": None,  # as private as the bucket
        "querystring_auth": True,
        "querystring_expire": SIGNED_URL_SECONDS,
        "file_overwrite": True,  # names are never used twice
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def _uploads() -> dict[str, Any]:
    if not S3_BUCKET:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    return bucket_storage(
        S3_BUCKET,
        endpoint=env.text("S3_ENDPOINT_URL"),
        region=env.text("S3_REGION"),
        access_key=env.text("S3_ACCESS_KEY_ID"),
        secret_key=env.text("S3_SECRET_ACCESS_KEY"),
    )


STORAGES: dict[str, dict[str, Any]] = {
    "default": _uploads(),
    "staticfiles": {},  # in the package's own module: they need to know where the project lies
}
