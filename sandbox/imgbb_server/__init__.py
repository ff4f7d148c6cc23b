"""A local imgbb: takes a picture, keeps it for as long as was asked, and serves it under a public address."""

from sandbox.imgbb_server.server import ImgbbServer

__all__ = ["ImgbbServer"]
