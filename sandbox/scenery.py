"""Paints what a sandbox movie shows: a calm sea with a sailing boat, or a supplied picture that slowly moves."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Protocol

from PIL import Image, ImageDraw, ImageFilter, ImageOps

RGB = tuple[int, int, int]


class Scene(Protocol):
    def paint(self, moment: float, elapsed: float) -> Image.Image:
        """The picture at *moment* (0 at the start, 1 at the end), *elapsed* seconds in."""


@dataclass(frozen=True, slots=True)
class Palette:
    zenith: RGB
    horizon: RGB
    light: RGB  # the sun or the moon
    far: RGB  # the sea at the horizon
    near: RGB  # the sea at our feet
    hull: RGB
    sail: RGB
    has_stars: bool = False


PALETTES = (
    Palette(
        zenith=(36, 74, 138),
        horizon=(250, 192, 140),
        light=(255, 238, 190),
        far=(92, 128, 164),
        near=(18, 48, 88),
        hull=(94, 42, 34),
        sail=(255, 246, 228),
    ),
    Palette(
        zenith=(64, 150, 222),
        horizon=(206, 234, 246),
        light=(255, 250, 220),
        far=(76, 168, 196),
        near=(8, 82, 122),
        hull=(150, 52, 40),
        sail=(255, 255, 255),
    ),
    Palette(
        zenith=(62, 32, 92),
        horizon=(252, 124, 92),
        light=(255, 206, 128),
        far=(140, 74, 112),
        near=(38, 22, 62),
        hull=(40, 22, 40),
        sail=(255, 214, 186),
    ),
    Palette(
        zenith=(8, 12, 40),
        horizon=(56, 72, 128),
        light=(236, 240, 255),
        far=(34, 52, 104),
        near=(6, 12, 34),
        hull=(20, 18, 34),
        sail=(206, 216, 244),
        has_stars=True,
    ),
)


def _blend(a: RGB, b: RGB, share: float) -> RGB:
    return (
        round(a[0] + (b[0] - a[0]) * share),
        round(a[1] + (b[1] - a[1]) * share),
        round(a[2] + (b[2] - a[2]) * share),
    )


@dataclass(frozen=True, slots=True)
class _Wave:
    mask: Image.Image  # wider than the frame by one period, so that a moving window into it never shows a seam
    colour: RGB
    top: int
    period: int
    amplitude: float
    speed: float  # periods per second

    def shift(self, elapsed: float) -> int:
        return int(elapsed * self.speed * self.period) % self.period

    def height_at(self, x: float, elapsed: float) -> float:
        """The y of the crest line at *x*."""
        return self.top + self.amplitude * (1 + _swell((x + self.shift(elapsed)) / self.period))

    def slope_at(self, x: float, elapsed: float) -> float:
        reach = self.period / 16
        return (self.height_at(x + reach, elapsed) - self.height_at(x - reach, elapsed)) / (2 * reach)


def _swell(turns: float) -> float:
    """A sea is a little steeper than a sine; between -1 and 1."""
    return 0.75 * math.sin(math.tau * turns) + 0.25 * math.sin(2 * math.tau * turns + 1)


class Seascape:
    """Sky, sun, clouds, three rows of waves and a boat that crosses the picture once."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._width, self._height = width, height
        self._random = random.Random(seed)
        self._palette = PALETTES[seed % len(PALETTES)]
        self._horizon = int(height * 0.52)
        self._backdrop = self._sky()
        self._clouds = self._cloud_strip()
        self._disc, self._glow = self._sun()
        self._waves = [self._wave(row) for row in range(3)]
        self._boat = self._draw_boat(max(12, min(width, height) // 4))
        self._sun_starts_left = bool(seed & 8)

    def paint(self, moment: float, elapsed: float) -> Image.Image:
        frame = self._backdrop.copy()
        sun_x, sun_y = self._sun_at(moment)
        light = self._palette.light
        frame.paste(light, (sun_x - self._glow.width // 2, sun_y - self._glow.height // 2), self._glow)
        frame.paste(light, (sun_x - self._disc.width // 2, sun_y - self._disc.height // 2), self._disc)
        self._paste_clouds(frame, elapsed)
        frame.paste(self._palette.far, (0, self._horizon, self._width, self._height))
        self._glitter(frame, sun_x, elapsed)
        for row, wave in enumerate(self._waves):
            if row == 1:
                self._sail(frame, wave, moment, elapsed)
            left = wave.shift(elapsed)
            window = wave.mask.crop((left, 0, left + self._width, wave.mask.height))
            frame.paste(wave.colour, (0, wave.top), window)
        return frame

    def _sky(self) -> Image.Image:
        column = Image.new("RGB", (1, self._height))
        for y in range(self._height):
            share = min(1.0, y / self._horizon)
            column.putpixel((0, y), _blend(self._palette.zenith, self._palette.horizon, share**1.4))
        sky = column.resize((self._width, self._height))
        if self._palette.has_stars:
            draw = ImageDraw.Draw(sky)
            for _ in range(self._width // 8):
                left, top = self._random.uniform(0, self._width), self._random.uniform(0, self._horizon * 0.9)
                bright = self._random.randint(120, 255)
                size = self._random.choice((0, 0, 0, 1))
                draw.ellipse((left, top, left + size, top + size), fill=(bright, bright, bright))
        return sky

    def _sun(self) -> tuple[Image.Image, Image.Image]:
        radius = max(4, min(self._width, self._height) // 13)
        big = Image.new("L", (radius * 8, radius * 8))
        ImageDraw.Draw(big).ellipse((0, 0, radius * 8 - 1, radius * 8 - 1), fill=255)
        disc = big.resize((radius * 2, radius * 2), Image.Resampling.LANCZOS)
        # radial_gradient is 0 in the middle and 180 where its circle touches the edges; beyond that nothing may glow.
        glow = ImageOps.invert(Image.radial_gradient("L")).resize((radius * 9, radius * 9))
        return disc, glow.point([round((max(0, level - 75) / 180) ** 1.8 * 170) for level in range(256)])

    def _sun_at(self, moment: float) -> tuple[int, int]:
        across = 0.2 + 0.6 * moment
        if self._sun_starts_left:
            across = 1 - across
        rise = math.sin(math.pi * (0.15 + 0.7 * moment))
        return int(self._width * across), int(self._horizon * (0.92 - 0.62 * rise))

    def _cloud_strip(self) -> Image.Image:
        strip = Image.new("L", (self._width * 2, self._horizon))
        draw = ImageDraw.Draw(strip)
        unit = min(self._width, self._height)
        for _ in range(5):
            x = self._random.uniform(unit * 0.3, self._width - unit * 0.3)
            y = self._random.uniform(self._horizon * 0.08, self._horizon * 0.5)
            for _ in range(7):
                dx, dy = self._random.gauss(0, unit * 0.09), self._random.gauss(0, unit * 0.012)
                rx, ry = self._random.uniform(0.06, 0.13) * unit, self._random.uniform(0.015, 0.03) * unit
                for turn in (0, self._width):  # twice, so that the strip repeats after one width
                    draw.ellipse((x + dx - rx + turn, y + dy - ry, x + dx + rx + turn, y + dy + ry), fill=150)
        return strip.filter(ImageFilter.GaussianBlur(max(1, unit / 70)))

    def _paste_clouds(self, frame: Image.Image, elapsed: float) -> None:
        left = int(elapsed * self._width * 0.02) % self._width
        window = self._clouds.crop((left, 0, left + self._width, self._horizon))
        frame.paste(_blend(self._palette.horizon, (255, 255, 255), 0.45), (0, 0), window)

    def _wave(self, row: int) -> _Wave:
        depth = row / 2
        unit = min(self._width, self._height)
        period = max(8, int(unit * (0.45 + 0.35 * row)))
        amplitude = unit * (0.008 + 0.012 * row)
        top = int(self._horizon + (self._height - self._horizon) * (0.07, 0.22, 0.5)[row] - amplitude)
        width, height, scale = self._width + period, self._height - top, 2
        big = Image.new("L", (width * scale, height * scale))
        crest = [
            (x, amplitude * scale * (1 + _swell(x / scale / period))) for x in range(0, width * scale + scale, scale)
        ]
        ImageDraw.Draw(big).polygon([(0, height * scale), *crest, (width * scale, height * scale)], fill=255)
        mask = big.resize((width, height), Image.Resampling.BOX)
        colour = _blend(self._palette.far, self._palette.near, 0.3 + 0.7 * depth)
        return _Wave(mask, colour, top, period, amplitude, speed=0.22 + 0.1 * row)

    def _glitter(self, frame: Image.Image, sun_x: int, elapsed: float) -> None:
        """The light's broken path on the water."""
        draw = ImageDraw.Draw(frame)
        bottom = self._waves[1].top
        step = max(2, self._height // 90)
        for index, y in enumerate(range(self._horizon + 1, bottom, step * 2)):
            reach = self._width * (0.015 + 0.004 * index) * (1 + 0.6 * math.sin(elapsed * 3.1 + index * 1.7))
            sway = self._width * 0.006 * math.sin(elapsed * 2.3 + index)
            colour = _blend(self._palette.far, self._palette.light, 0.55)
            draw.ellipse((sun_x - reach + sway, y, sun_x + reach + sway, y + step * 0.8), fill=colour)

    def _draw_boat(self, size: int) -> Image.Image:
        scale = 4
        big = Image.new("RGBA", (size * scale, size * scale), (*self._palette.hull, 0))
        draw = ImageDraw.Draw(big)

        def at(*points: float) -> list[float]:
            return [point * size * scale for point in points]

        shade = _blend(self._palette.sail, self._palette.zenith, 0.25)
        draw.line(at(0.48, 0.05, 0.48, 0.8), fill=self._palette.hull, width=max(1, size * scale // 40))
        draw.polygon(at(0.5, 0.08, 0.5, 0.7, 0.86, 0.7), fill=self._palette.sail)
        draw.polygon(at(0.46, 0.16, 0.46, 0.7, 0.2, 0.7), fill=shade)
        draw.polygon(at(0.1, 0.76, 0.95, 0.76, 0.8, 0.94, 0.24, 0.94), fill=self._palette.hull)
        return big.resize((size, size), Image.Resampling.LANCZOS)

    def _sail(self, frame: Image.Image, wave: _Wave, moment: float, elapsed: float) -> None:
        x = -0.05 * self._width + 1.1 * self._width * (0.15 + 0.7 * moment)
        angle = -math.degrees(math.atan(wave.slope_at(x, elapsed))) * 0.8
        boat = self._boat.rotate(angle, Image.Resampling.BICUBIC)
        y = wave.height_at(x, elapsed) - boat.height * 0.86
        frame.paste(boat, (int(x - boat.width / 2), int(y)), boat)


class Panorama:
    """A supplied picture under a slow zoom and pan; with a second one, it turns into that."""

    def __init__(self, width: int, height: int, seed: int, first: Image.Image, last: Image.Image | None) -> None:
        self._size = (width, height)
        self._first = self._covering(first)
        self._last = self._covering(last) if last is not None else None
        self._direction = math.tau * (seed % 360) / 360

    def paint(self, moment: float, elapsed: float) -> Image.Image:
        ease = 0.5 - 0.5 * math.cos(math.pi * moment)
        frame = self._window(self._first, ease)
        if self._last is None:
            return frame
        share = min(1.0, max(0.0, (moment - 0.35) / 0.3))
        return Image.blend(frame, self._window(self._last, 1 - ease), share) if share else frame

    def _covering(self, picture: Image.Image) -> Image.Image:
        """Cut to the frame's aspect, and no larger than a zoom needs."""
        width, height = self._size
        upright = ImageOps.exif_transpose(picture).convert("RGB")
        return ImageOps.fit(upright, (round(width * 1.25), round(height * 1.25)), Image.Resampling.BICUBIC)

    def _window(self, picture: Image.Image, ease: float) -> Image.Image:
        share = 0.98 - 0.16 * ease
        width, height = picture.width * share, picture.height * share
        drift = 0.8 * (ease - 0.5)
        left = (picture.width - width) * (0.5 + drift * math.cos(self._direction))
        top = (picture.height - height) * (0.5 + drift * math.sin(self._direction))
        return picture.resize(self._size, Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
