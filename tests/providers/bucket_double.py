"""A small store that speaks S3 and checks signatures by itself, from the raw bytes that arrived."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote


@dataclass
class Store:
    """One bucket's objects by path, and why the last request was refused."""

    now: datetime
    key_id: str = "AKIDSTORE"
    secret: str = "c4nary/secret+key"
    region: str = "eu-central-1"
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    async def answer(self, raw: bytes, writer: asyncio.StreamWriter) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        method, target, _ = start.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path, _, query = target.partition("?")
        code = self._judged(method, path, query, headers, body)
        if code:
            self.refusals.append(code)
            text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'
            self._write(writer, "403 Forbidden", text.encode(), {})
        elif method == "PUT":
            self.objects[unquote(path)] = (body, headers)
            self._write(writer, "200 OK", b"", {})
        elif unquote(path) in self.objects:
            content, stored = self.objects[unquote(path)]
            self._write(writer, "200 OK", content, {"Content-Type": stored["content-type"]})
        else:
            self._write(writer, "404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", {})

    def _write(self, writer: asyncio.StreamWriter, status: str, body: bytes, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _judged(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> str:
        """The code of the error; empty when all is well."""
        if "transfer-encoding" in headers:
            return "MissingContentLength"
        if "authorization" in headers:
            algorithm, _, rest = headers["authorization"].partition(" ")
            given = dict(part.split("=", 1) for part in rest.split(","))
            stamp, payload, canonical_query = headers.get("x-amz-date", ""), headers["x-amz-content-sha256"], query
            credential, names, signature = given["Credential"], given["SignedHeaders"], given["Signature"]
            if payload != hashlib.sha256(body).hexdigest():
                return "XAmzContentSHA256Mismatch"
            if abs(self._time(stamp) - self.now) > timedelta(minutes=15):
                return "RequestTimeTooSkewed"
        else:
            found = dict(parse_qsl(query, keep_blank_values=True))
            signature = found.pop("X-Amz-Signature", "")
            algorithm, credential = found.get("X-Amz-Algorithm", ""), found.get("X-Amz-Credential", "")
            stamp, names, payload = (
                found.get("X-Amz-Date", ""),
                found.get("X-Amz-SignedHeaders", ""),
                "UNSIGNED-PAYLOAD",
            )
            pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in found.items())
            canonical_query = "&".join(f"{name}={value}" for name, value in pairs)
            if not stamp or self.now >= self._time(stamp) + timedelta(seconds=int(found["X-Amz-Expires"])):
                return "AccessDenied"
        if algorithm != "AWS4-HMAC-SHA256" or "host" not in names.split(";"):
            return "AuthorizationHeaderMalformed"
        key_id, day, region, service, end = credential.split("/")
        if (key_id, day, region, service, end) != (self.key_id, stamp[:8], self.region, "s3", "aws4_request"):
            return "InvalidAccessKeyId" if key_id != self.key_id else "AuthorizationHeaderMalformed"
        if any(name.startswith("x-amz-") and name not in names.split(";") for name in headers):
            return "AccessDenied"
        canonical = f"{method}\n{quote(unquote(path), safe='/-_.~')}\n{canonical_query}\n"
        for name in names.split(";"):
            canonical += f"{name}:{headers.get(name, '')}\n"
        canonical += f"\n{names}\n{payload}"
        text = f"{algorithm}\n{stamp}\n{day}/{region}/s3/aws4_request\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signing = self._mac(self._mac(self._mac(self._mac(f"AWS4{self.secret}".encode(), day), region), "s3"), end)
        return "" if self._mac(signing, text).hex() == signature else "SignatureDoesNotMatch"

    def _mac(self, key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    def _time(self, stamp: str) -> datetime:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
