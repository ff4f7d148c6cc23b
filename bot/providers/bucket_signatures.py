"""AWS Signature Version 4, as far as one upload and one link need it; every S3-compatible store checks this one.

Facts from Amazon's documentation "Authenticating Requests (AWS Signature Version 4)" of S3: the canonical request is
hashed, named together with time and scope, and signed with a key that is derived from the secret day by day.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
# Amazon's limit for links that are signed with a long-lived key; others have the same one.
LONGEST_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who signs, and for which region."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


def timestamp(at: datetime) -> str:
    """The form in which the time stands in `x-amz-date`. *at* is UTC."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def authorization(
    credentials: Credentials, *, method: str, path: str, headers: Mapping[str, str], payload: str, at: datetime
) -> str:
    """The `Authorization` header of a request without a query.

    *path* is not encoded yet; *headers*, all that shall be signed, are in lower case and have `host` and `x-amz-date`
    among them; *payload* is the SHA-256 of the body in hexadecimal.
    """
    signed = ";".join(sorted(headers))
    request = _canonical_request(method, path, "", headers, payload)
    credential = f"{credentials.access_key_id}/{_scope(credentials, at)}"
    signature = _signature(credentials, request, at)
    return f"{ALGORITHM} Credential={credential},SignedHeaders={signed},Signature={signature}"


def presigned_query(credentials: Credentials, *, host: str, path: str, at: datetime, lifetime: timedelta) -> str:
    """The query that lets anybody GET *path* (not encoded yet) until *lifetime* after *at*."""
    if not timedelta(seconds=1) <= lifetime <= LONGEST_LIFETIME:
        raise ValueError(f"a link can be good for a second to {LONGEST_LIFETIME.days} days, not for {lifetime}")
    parameters = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{_scope(credentials, at)}",
        "X-Amz-Date": timestamp(at),
        "X-Amz-Expires": str(int(lifetime.total_seconds())),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
    request = _canonical_request("GET", path, query, {"host": host}, UNSIGNED)
    return f"{query}&X-Amz-Signature={_signature(credentials, request, at)}"


def _canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers)]
    return "\n".join([method, quote(path), query, "".join(lines), ";".join(sorted(headers)), payload])


def _scope(credentials: Credentials, at: datetime) -> str:
    return f"{at:%Y%m%d}/{credentials.region}/s3/aws4_request"


def _signature(credentials: Credentials, request: str, at: datetime) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in _scope(credentials, at).split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join([ALGORITHM, timestamp(at), _scope(credentials, at), digest])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
