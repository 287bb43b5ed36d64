"""Models in S3 storage: AWS, or any server of that protocol, as an ODH data connection names it (`AWS_*`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

from odh_oci_widgets.oci.plan import Source

from .errors import (
    ModelAccessMissing,
    ModelEmpty,
    ModelError,
    ModelNotFound,
    PackageMissing,
    ReferenceNotUnderstood,
    SourceUnreachable,
)
from .fetching import unreachable
from .formats import detect_format
from .model import Model, ModelFile
from .naming import service_name
from .selection import left_out

T = TypeVar("T")

#: How long a signed address holds, the most that the protocol allows: nothing signs anew while a build runs, which may
#: wait for a node, for a registry, or for a person who resumes it. Temporary keys end before, and their signatures too.
SIGNED_SECONDS = 7 * 24 * 3600
_HINT = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or attach the data connection to the workbench."


def open_s3(reference: str) -> Model:
    """The model of `s3://bucket/prefix` (all objects below the prefix) or `s3://bucket/file`.

    Endpoint, region and keys come from the environment of an ODH data connection (`AWS_S3_ENDPOINT`,
    `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), else from boto3's usual places. The files'
    addresses hold no right to read them: `sign` gives it to who reads, so that the bytes stream from the storage
    to the registry and a plan made from the model stays free of secrets.
    """
    parts = urlsplit(reference)
    bucket, prefix = parts.netloc, parts.path.strip("/")
    if not bucket:
        raise ReferenceNotUnderstood(
            f"`{reference}` names no bucket.",
            hint=f"Write s3://{os.environ.get('AWS_S3_BUCKET', 'bucket')}/folder.",
        )
    client = _client(_session())
    found = _ask(bucket, client, lambda: list(_objects(client, bucket, prefix)))
    if not found:
        raise ModelEmpty(
            f"There is nothing below `{prefix}` in the bucket `{bucket}`."
            if prefix
            else f"The bucket `{bucket}` is empty.",
            hint="Check the folder's name.",
        )
    files = tuple(
        ModelFile(path=path, size=size, source=Source(url=_address(client, bucket, key), auth="s3"))
        for path, key, size in sorted(found)
    )
    paths = [file.path for file in files]
    model_format = detect_format(paths)
    reasons = left_out(paths, model_format)
    return Model(
        reference=f"s3://{bucket}/{prefix}".rstrip("/"),
        name=service_name(_title(bucket, prefix, paths)),
        files=tuple(file for file in files if file.path not in reasons),
        left_out=tuple((file, reasons[file.path]) for file in files if file.path in reasons),
        format=model_format,
    )


def _title(bucket: str, prefix: str, paths: list[str]) -> str:
    last = prefix.rpartition("/")[2]
    return PurePosixPath(last).stem if paths == [last] else last or bucket


def _objects(client: Any, bucket: str, prefix: str) -> Iterator[tuple[str, str, int]]:
    """Path inside the model, key and bytes of each object; folders' own entries and hidden files are left out."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            key: str = item["Key"]
            if key == prefix:
                path = key.rpartition("/")[2]
            elif not prefix or key.startswith(prefix + "/"):
                path = key.removeprefix(prefix).lstrip("/")
            else:
                continue  # `models-old/…` begins with `models` too
            if path and not key.endswith("/") and not any(part.startswith(".") for part in path.split("/")):
                yield path, key, int(item["Size"])


def sign(urls: Iterable[str], seconds: int = SIGNED_SECONDS) -> dict[str, str]:
    """URL -> the query with which these objects, and nothing else, may be read for a while. It is a secret.

    Raises PackageMissing, ModelAccessMissing.
    """
    session = _session()
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    keys = session.get_credentials()
    if keys is None:
        raise ModelAccessMissing("There are no keys for the storage.", hint=_HINT)
    region = _client(session).meta.region_name or "us-east-1"
    signer = S3SigV4QueryAuth(keys.get_frozen_credentials(), "s3", region, expires=seconds)
    queries = {}
    for url in urls:
        request = AWSRequest(method="GET", url=url)
        signer.add_auth(request)
        queries[url] = urlsplit(request.url).query
    return queries


def _address(client: Any, bucket: str, key: str) -> str:
    """Where the object is. The client knows how to write it; what it signs with it, it may not keep."""
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=1)
    return url.partition("?")[0]


def _session() -> Any:
    """One of our own: boto3's keeps the keys it saw first, and a notebook may set others."""
    try:
        import boto3
    except ImportError as error:
        raise PackageMissing(
            "To read from S3 storage, the package `boto3` is needed.",
            hint="Install it in a cell: %pip install 'odh-oci-widgets[s3]'",
        ) from error
    return boto3.session.Session()


def _client(session: Any) -> Any:
    from botocore.config import Config

    endpoint = os.environ.get("AWS_S3_ENDPOINT") or None
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    config = Config(
        signature_version="s3v4",
        connect_timeout=10,
        read_timeout=30,
        retries={"max_attempts": 2},
        # Servers other than AWS seldom have a host name for each bucket.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    return session.client("s3", endpoint_url=endpoint, config=config)


def _ask(bucket: str, client: Any, call: Callable[[], T]) -> T:
    from botocore import exceptions

    endpoint = str(client.meta.endpoint_url)
    try:
        return call()
    except exceptions.ClientError as error:
        raise _refusal(bucket, endpoint, error.response) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise ModelAccessMissing(f"There are no keys for the bucket `{bucket}`.", hint=_HINT) from error
    except exceptions.BotoCoreError as error:
        raise unreachable(endpoint, error) from error


def _refusal(bucket: str, endpoint: str, answer: dict[str, Any]) -> ModelError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in {"NoSuchBucket", "404"}:
        return ModelNotFound(
            f"There is no bucket `{bucket}` at {endpoint}.",
            hint="Check its name, AWS_S3_ENDPOINT and AWS_DEFAULT_REGION.",
            status=status,
        )
    if status in {401, 403}:
        return ModelAccessMissing(
            f"The storage at {endpoint} refuses the bucket `{bucket}` ({code}).", hint=_HINT, status=status
        )
    return SourceUnreachable(
        f"The storage at {endpoint} answers with an error ({code or status}).",
        hint="Check AWS_S3_ENDPOINT and AWS_DEFAULT_REGION, or try again in a while.",
        status=status,
    )
