"""A video file read: its frames upright in RGB, each with its time, and what of it cannot be kept."""

from __future__ import annotations

import dataclasses
import os
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream

from lessons_lib.images import ImageError

READABLE = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}
# Colours between RGB and a film's own, to the rounding: the faster ways are wrong by two steps of 255, always darker.
EXACTLY = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
RGB, UNTOLD = 0, 2  # a frame's colour space: none, as it is RGB already; not said
# How brightness and colour come from RGB: the number in the file (ITU-T H.273), and the name here.
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
HDR: dict[int, str] = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}
STILL = {"avif", "heic", "heix", "mif1"}  # what a picture that is packed as films are calls itself
ENOUGH = 0.95  # of what a file promises: some formats only estimate it
NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
AGAIN = "copy or download it again"
UNREAD = f"holds no frame that can be read: it is no video, or cut short; {AGAIN}"


@dataclasses.dataclass(frozen=True)
class Colours:
    """What the numbers of a frame mean, as ITU-T H.273 counts; where a file does not say it, as players guess."""

    matrix: int
    span: int
    primaries: int
    transfer: int


@dataclasses.dataclass(frozen=True)
class Turn:
    """How stored frames become upright: rows and columns exchanged first, then columns and rows reversed."""

    exchanged: bool = False
    columns_reversed: bool = False
    rows_reversed: bool = False

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The pixels (H, W, C) turned upright."""
        turned = pixels.swapaxes(0, 1) if self.exchanged else pixels
        return turned[:: -1 if self.rows_reversed else 1, :: -1 if self.columns_reversed else 1]


# By how many right angles a frame is turned, against the clock.
QUARTERS = (
    Turn(),
    Turn(True, rows_reversed=True),
    Turn(columns_reversed=True, rows_reversed=True),
    Turn(True, columns_reversed=True),
)


@dataclasses.dataclass(frozen=True)
class Video:
    """A video file that can be read.

    count:   frames that it shows; `rate`: how many a second, on average.
    stream:  which stream of the file the frames are.
    start:   when the earliest stream starts, in seconds.
    aspect:  how many times as wide as high a pixel is, upright, or None if the file does not say.
    turn, colours: how stored frames become upright RGB.
    notes:   what of it cannot be kept, one sentence each.
    """

    path: Path
    count: int
    rate: Fraction
    stream: int
    start: Fraction
    aspect: Fraction | None
    turn: Turn
    colours: Colours
    notes: tuple[str, ...] = ()

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame, (H, W, 3) uint8 RGB, upright. Raises ImageError if too many frames are damaged."""
        with opened(self.path) as container:
            for part in self.parts(container):
                if isinstance(part, VideoFrame):
                    yield self.upright(part)

    def parts(self, container: InputContainer) -> Iterator[VideoFrame | Packet]:
        """What the file holds, in its order: frames of the film, decoded, and packets of the other streams.

        A packet of the film is one that could not be decoded. Raises ImageError if there are too many.
        """
        film, broken, number = container.streams[self.stream], 0, 0
        assert isinstance(film, VideoStream)  # as `open_video` chose it
        film.thread_type = "AUTO"
        # AVI counts the frames as they are decoded: what comes out first is shown at the first of these times.
        clock, clockless = deque[int | None](), container.format.name == "avi"
        for packet in demuxed(self.path, container):
            if packet.stream.index != self.stream:  # the last, empty ones know their number by their stream alone
                yield packet
                continue
            if clockless and packet.size:
                clock.append(packet.dts)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                broken += 1
                if clock:
                    clock.pop()
                yield packet
                continue
            for frame in frames:
                assert isinstance(frame, VideoFrame)  # it is the film's packet
                number += 1
                if clock:
                    frame.pts = clock.popleft()
                yield frame
        if not number:
            raise ImageError(f"{self.path} {UNREAD}")
        if broken > (1 - ENOUGH) * self.count + 1:
            raise ImageError(f"{self.path}: {broken} of {self.count} frames are damaged: {AGAIN}")

    def upright(self, frame: VideoFrame) -> np.ndarray:
        """A frame as it is shown, (H, W, 3) uint8 RGB."""
        told: dict[str, Any] = {}
        if not frame.format.is_rgb:
            told = {"src_colorspace": MATRICES[self.colours.matrix], "src_color_range": self.colours.span}
        pixels = frame.to_ndarray(format="rgb24", interpolation=EXACTLY, **told)
        return np.ascontiguousarray(self.turn(pixels))


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a video file. Raises ImageError if it is none."""
    try:  # as a file, though its name may look like an address; what it holds may name no address either
        container = av.open(
            f"file:{path}", container_options={"protocol_whitelist": "file"}, metadata_errors="surrogateescape"
        )
    except (av.FFmpegError, ValueError) as error:
        raise ImageError(f"{path} {UNREAD}") from error
    with container:
        yield container


def demuxed(path: Path, container: InputContainer) -> Iterator[Packet]:
    """The packets of all streams. Raises ImageError if the file breaks off between them."""
    try:
        yield from container.demux()
    except av.FFmpegError as error:
        raise ImageError(f"{path} is damaged or cut short ({error.strerror}): {AGAIN}") from error


def open_video(path: str | os.PathLike) -> Video:
    """Look at a video file, all through. Raises FileNotFoundError, or ImageError if it cannot be restored.

    That is: no video, cut short, encrypted, of an unknown codec, or HDR, whose colours 8 bits would spoil.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}: check the spelling and the folder you run in")
    with opened(path) as container:
        film = _film(path, container)
        count, start = _looked_through(path, container, film)
    with opened(path) as container:  # from the beginning again
        film = _film(path, container)
        frame = _first(path, container, film)
        colours = _colours(path, frame)
        turn, right = _turn(frame)
        notes = [*_other_tracks(container, film), *_changes(frame, film)]
        if not right:
            notes.append("it is turned by an angle that is no right one: it comes out at the nearest right one")
        index = film.index
        rate, aspect = film.average_rate or film.guessed_rate, film.sample_aspect_ratio
    if aspect and turn.exchanged:
        aspect = 1 / aspect
    rate = rate if rate and 0 < rate < 1000 else Fraction(25)
    return Video(path, count, rate, index, start, aspect or None, turn, colours, tuple(notes))


def _film(path: Path, container: InputContainer) -> VideoStream:
    """The first stream of moving pictures."""
    if container.format.name.endswith("_pipe") or container.metadata.get("major_brand") in STILL:
        raise ImageError(f"{path} is a picture: give it a name that ends as pictures do, such as .jpg")
    film = next((stream for stream in container.streams.video if not stream.disposition & NO_FILM), None)
    if film is None:
        raise ImageError(f"{path} holds no moving pictures{', only sound' if container.streams.audio else ''}")
    if film.codec_context is None:
        raise ImageError(f"{path} is packed in a way that is not known here: convert it to .mp4 with H.264 first")
    return film


def _looked_through(path: Path, container: InputContainer, film: VideoStream) -> tuple[int, Fraction]:
    """How many frames the file shows, and when it starts; refused if it is cut short or encrypted."""
    promised = 0  # only MP4 and its parent count their frames in truth; an edit list may leave some out
    if "mp4" in container.format.name:
        promised = min(film.frames, len(film.index_entries) or film.frames)
    read = shown = 0
    end, starts = Fraction(0), dict[int, Fraction]()
    for packet in demuxed(path, container):
        if not packet.size or packet.is_corrupt or packet.stream.disposition & NO_FILM:
            continue
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None:
            end = max(end, (time + (packet.duration or 0)) * packet.time_base)
            starts.setdefault(packet.stream.index, time * packet.time_base)
        if packet.stream.index == film.index:
            if packet.has_sidedata("encryption_info"):
                raise ImageError(f"{path} is encrypted, to protect it from copies: give one that is not")
            read, shown = read + 1, shown + (not packet.is_discard)
    for stream in container.streams:  # a stream may say that its first packets are not to be heard
        if stream.index in starts and stream.start_time is not None and stream.time_base:
            starts[stream.index] = stream.start_time * stream.time_base
    seconds = (container.duration or 0) / 1e6  # FFmpeg's unit, a microsecond
    if container.format.name == "avi":  # where FFmpeg estimates, if the end is missing; but the head has it in ticks
        seconds = max(seconds, float(film.frames * (film.time_base or 0)))
    if not shown:
        raise ImageError(f"{path} {UNREAD}")
    if read < ENOUGH * promised - 1:
        raise ImageError(f"{path} ends after {read} of {promised} frames: {AGAIN}")
    if not promised and end < ENOUGH * seconds - 0.2:
        raise ImageError(f"{path} ends after {float(end):.1f} of {seconds:.1f} seconds: {AGAIN}")
    return shown, min(starts.values(), default=Fraction(0))


def _first(path: Path, container: InputContainer, film: VideoStream) -> VideoFrame:
    """The first frame that can be decoded."""
    for packet in container.demux(film):
        try:
            if frames := packet.decode():
                return frames[0]
        except av.FFmpegError:  # a film may start in the middle of a group of frames
            continue
    raise ImageError(f"{path} {UNREAD}")


def _colours(path: Path, frame: VideoFrame) -> Colours:
    """What the file says of its colours, or what players take where it says nothing."""
    if name := HDR.get(frame.color_trc):
        raise ImageError(
            f"{path} is HDR ({name}), which 8 bits would spoil: export it as SDR first, from the phone or an editor"
        )
    if frame.width >= 1280 or frame.height > 576:
        guess = Colours(1, ColorRange.MPEG, ColorPrimaries.BT709, ColorTrc.BT709)
    else:
        primaries = ColorPrimaries.BT470BG if frame.height == 576 else ColorPrimaries.SMPTE170M
        guess = Colours(6, ColorRange.MPEG, primaries, ColorTrc.SMPTE170M)
    matrix = guess.matrix if frame.colorspace in (RGB, UNTOLD) else frame.colorspace
    if matrix not in MATRICES:
        raise ImageError(f"{path} stores its colours in a rare way (matrix {matrix}): export it as BT.709 first")
    full = ColorRange.JPEG if frame.format.name.startswith("yuvj") else guess.span
    told = (frame.color_primaries != UNTOLD, frame.color_trc != UNTOLD)
    return Colours(
        matrix,
        frame.color_range or full,
        frame.color_primaries if told[0] else guess.primaries,
        frame.color_trc if told[1] else guess.transfer,
    )


def _turn(frame: VideoFrame) -> tuple[Turn, bool]:
    """How a frame becomes upright, and whether that is right: FFmpeg's matrix says where x and y of a pixel go."""
    try:
        beside: Any = frame.side_data  # its hints know one kind only
    except ValueError:  # of camera data, as in films of JPEGs, PyAV knows nothing, and then hides all beside a frame
        return QUARTERS[round(frame.rotation / 90) % 4], frame.rotation % 90 == 0
    found = beside.get("DISPLAYMATRIX")
    if found is None:
        return Turn(), True
    xx, xy, _, yx, yy, *_ = struct.unpack("=9i", bytes(found))
    along, across = abs(xx) + abs(yy), abs(xy) + abs(yx)
    right = min(along, across) <= 0.01 * max(along, across)
    if across > along:
        return Turn(True, columns_reversed=yx < 0, rows_reversed=xy < 0), right
    return Turn(False, columns_reversed=xx < 0, rows_reversed=yy < 0), right


def _changes(frame: VideoFrame, film: VideoStream) -> list[str]:
    """What of the pictures changes, because 8 bits in 4:2:0 are what players everywhere play."""
    parts = frame.format.components
    bits, notes = max(part.bits for part in parts), []
    if bits > 8:
        notes.append(f"its {bits} bits a value become 8")
    if len(parts) > 1 and (parts[1].width, parts[1].height) > ((frame.width + 1) // 2, (frame.height + 1) // 2):
        notes.append("its colours are kept at half the resolution (4:2:0)")
    if any(part.is_alpha for part in parts) or film.metadata.get("alpha_mode") == "1":
        notes.append("its transparency is left out")
    if frame.interlaced_frame or film.codec_context.field_order > 1:  # 0 is unknown, 1 is progressive
        notes.append("it is interlaced: two half pictures make one, and stay one")
    return notes


def _other_tracks(container: InputContainer, film: Stream) -> list[str]:
    """The other streams of pictures, which are left out."""
    films = [stream for stream in container.streams.video if not stream.disposition & NO_FILM]
    notes = [f"the first of its {len(films)} video tracks is taken"] if len(films) > 1 else []
    if len(films) < len(container.streams.video):
        notes.append("its cover picture is left out")
    return notes
