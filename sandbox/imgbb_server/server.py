"""The one route of imgbb, and the host of the pictures."""

from __future__ import annotations

import asyncio
import io
import secrets
from dataclasses import replace

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, VendorServer
from sandbox.vendors.pictures import NoPictureError, decoded, fetched

# Documented: what a free account may upload, and how long a picture may be asked to stay.
_MAX_BYTES = 32 * 1024 * 1024
_EXPIRATIONS = range(60, 15_552_001)


class ImgbbServer(VendorServer):
    """`result_url` is its host of pictures, another origin than that of the API."""

    usual_key = "imgbb-sandbox-key"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/1/upload", self.guard(Call.UPLOAD, self._upload))]

    def is_authorised(self, request: web.Request) -> bool:
        return request.query.get("key") == self.key

    @property
    def unauthorised(self) -> RefusedError:
        return RefusedError(400, "Invalid API v1 key.")

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        words = {400: "Bad Request", 429: "Too Many Requests"}.get(status, "Error")
        body = {"status_code": status, "error": {"message": text, "code": 100}, "status_txt": words}
        return web.json_response(body, status=status)

    async def _upload(self, request: web.Request) -> web.Response:
        expiration = request.query.get("expiration", "0")
        if expiration != "0" and (not expiration.isdecimal() or int(expiration) not in _EXPIRATIONS):
            raise RefusedError(400, "Invalid expiration parameter.")
        form = await request.post()
        given, name = form.get("image"), form.get("name")
        arrived = self.storage.incoming()
        if isinstance(given, web.FileField):
            await asyncio.to_thread(arrived.write_bytes, await asyncio.to_thread(given.file.read))
            name = name or given.filename
        elif isinstance(given, str) and given:
            try:
                if given.startswith(("http://", "https://")):
                    await fetched(given, arrived)
                else:
                    await asyncio.to_thread(decoded, given, arrived)
            except NoPictureError as err:
                raise RefusedError(400, "Invalid image source.") from err
        else:
            raise RefusedError(400, "Empty upload source.")
        content = await asyncio.to_thread(arrived.read_bytes)
        if len(content) > _MAX_BYTES:
            raise RefusedError(400, "File too large.")
        try:
            with Image.open(io.BytesIO(content)) as picture:
                width, height, kind = picture.width, picture.height, (picture.format or "").lower()
        except (UnidentifiedImageError, OSError) as err:
            raise RefusedError(400, "Unsupported or unrecognized file format.") from err
        extension = {"jpeg": "jpg"}.get(kind, kind)
        code = secrets.token_hex(4)
        title = str(name or code).rpartition("/")[2].partition(".")[0]
        lifetime = float(expiration) or None
        kept = self.storage.keep_upload(arrived, code, f"{title}.{extension}", f".{extension}")
        stored = replace(kept, lifetime=lifetime)
        self.storage.replace(stored)
        url = self.storage.url(stored)
        image = {
            "filename": f"{title}.{extension}",
            "name": title,
            "mime": f"image/{kind}",
            "extension": extension,
            "url": url,
        }
        # Numbers come as texts in some answers and as numbers in others; `medium` is missing for small pictures.
        data: dict[str, object] = {
            "id": code,
            "title": title,
            "url_viewer": f"{self.url}/{code}",
            "url": url,
            "display_url": url,
            "width": str(width),
            "height": str(height),
            "size": len(content),
            "time": str(int(self.clock())),
            "expiration": expiration,
            "image": image,
            "thumb": image,
            "delete_url": f"{self.url}/{code}/{secrets.token_hex(16)}",
        }
        if max(width, height) > 640:
            data["medium"] = image
        return web.json_response({"data": data, "success": True, "status": 200})
