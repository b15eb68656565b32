"""A video file written: in codecs that browsers play, at the source's times, with what of the rest can be copied."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from lessons_lib.image_io.video_reading import EXACTLY, MATRICES, Video, demuxed, opened
from lessons_lib.images import ImageError

if TYPE_CHECKING:
    from av.container.core import Chapter  # there for type checkers alone

CODECS = {  # what can be written: FFmpeg's name of the format, and the encoder, whose films browsers play
    ".mp4": ("mp4", "libx264"),
    ".m4v": ("mp4", "libx264"),
    ".mov": ("mov", "libx264"),
    ".mkv": ("matroska", "libx264"),
    ".webm": ("webm", "libvpx-vp9"),
}
# Frames are stored in the order of their times (no B-frames): an MP4 with a gap before its last would else end early.
QUALITY = {
    "libx264": {"crf": "18", "preset": "medium", "bf": "0"},
    "libvpx-vp9": {"crf": "20", "deadline": "good", "cpu-used": "2", "row-mt": "1"},
}
SMOOTHLY = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
UNNAMED = {"1 channels": "mono", "2 channels": "stereo"}  # what players take channels without a name for
REASONS = {".avi": " (it knows no times of frames and no shape of pixels)"}
COPIED = {"audio": "sound", "subtitle": "subtitles", "attachment": "attached file"}
OF_A_STREAM = ("language", "title", "handler_name", "creation_time", "timecode")  # what stays true of a new one
OF_THE_OLD = {"major_brand", "minor_version", "compatible_brands", "encoder", "software"}  # and of a file what does not


def check_suffix(target: Path) -> None:
    """Raise ImageError if no video of this name can be written."""
    suffix = target.suffix.lower()
    if suffix not in CODECS:
        why = REASONS.get(suffix, "")
        raise ImageError(
            f"{target}: videos ending in {suffix!r} cannot be written{why}: end it in one of {', '.join(CODECS)}"
        )


class VideoWriter:
    """A video that is written frame by frame to the file `part`; messages call it `target`, whose suffix is its format.

    All frames have one shape (H, W, 3), both sides even. `source` is the source `video`, open. What goes wrong is an
    ImageError; leaving the context without `finish` leaves half a file.
    """

    def __init__(self, part: Path, target: Path, video: Video, source: InputContainer, shape: tuple[int, ...]) -> None:
        self.part, self.target, self.video, self.shape = part, target, video, shape
        self.count = self.strayed = self.damaged = 0
        self.format, encoder = CODECS[target.suffix.lower()]
        self.texts = {key: text for key, text in source.metadata.items() if key.lower() not in OF_THE_OLD}
        options = {}
        if self.of_quicktime:  # with its table in front a film plays while it still loads
            own = any(key.startswith("com.") for key in self.texts)  # keys that makers of phones invented
            options["movflags"] = "+faststart+use_metadata_tags" if own else "+faststart"
        self.shift = self._shift(source)
        self.size = _square(shape, video.aspect) if self.format == "webm" else shape[:2]
        self.container = av.open(
            f"file:{part}", "w", self.format, container_options=options, metadata_errors="surrogateescape"
        )
        self.film = self._film(encoder, source)
        self.copies = dict(self._copies(source))
        self.container.metadata.update(self.texts)
        self.container.set_chapters([_earlier(chapter, self.shift) for chapter in source.chapters()])
        self.notes = _left_out(source, [video.stream, *self.copies], target.suffix.lower())
        if self.size != shape[:2]:
            self.notes.append(f"its pixels, {video.aspect} times as wide as high, become square, as .webm has them")
        self._last, self._latest = -(2**62), dict.fromkeys(self.copies, -(2**62))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(av.FFmpegError, ValueError):  # what matters was raised by `finish`, or before
            self.container.close()

    @property
    def of_quicktime(self) -> bool:
        """Whether the format is MP4 or its parent."""
        return self.format in ("mp4", "mov")

    def add(self, frame: VideoFrame, pixels: np.ndarray) -> None:
        """Write `pixels` (H, W, 3) uint8 RGB, at the time of a frame of the source."""
        if pixels.shape != self.shape:
            raise ImageError(f"{self.video.path} changes its size after {self.count} frames: cut it into two there")
        colours, base = self.video.colours, self.film.codec_context.time_base
        made = VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            height=self.size[0],
            width=self.size[1],
            format="yuv420p",
            dst_colorspace=MATRICES[colours.matrix],
            dst_color_range=ColorRange.MPEG,
            interpolation=EXACTLY if self.size == self.shape[:2] else SMOOTHLY,
        )
        step = frame.duration or max(1, round(1 / (self.video.rate * base)))
        time = frame.pts if frame.pts is not None else frame.dts
        if time is None or (self.count and time <= self._last):
            time, self.strayed = self._last + step if self.count else 0, self.strayed + 1
        self._last, self.count, self.damaged = time, self.count + 1, self.damaged + frame.is_corrupt
        made.pts, made.time_base, made.duration = time - round(self.shift / base), base, step
        with self._writing():
            self.container.mux(self.film.encode(made))

    def copy(self, packet: Packet) -> None:
        """Write a packet of another stream as it is, if its stream can be copied."""
        self.damaged += packet.stream.index == self.video.stream  # a frame that could not be decoded
        copy, base = self.copies.get(packet.stream_index), packet.time_base
        if copy is None or not packet.size:
            return
        times = [time for time in (packet.dts, packet.pts) if time is not None]
        if not times or (packet.is_discard and not self.of_quicktime):  # never heard: it only primes the decoder,
            return  # and another format, which has no list of edits, would start the film later for it
        moved = round(self.shift / base)
        packet.dts = max(times[0] - moved, self._latest[packet.stream_index] + 1)
        packet.pts = max(times[-1] - moved, packet.dts)
        self._latest[packet.stream_index] = packet.dts
        packet.stream = copy
        with self._writing():
            self.container.mux(packet)

    def finish(self) -> tuple[str, ...]:
        """Write what is left, look whether all of it is there, and return what could not be kept."""
        with self._writing():
            self.container.mux(self.film.encode())
            self.container.close()
        there, kept = 0, set[str]()
        with suppress(ImageError), opened(self.part) as again:
            there = sum(1 for packet in demuxed(self.target, again) if packet.size and packet.stream.type == "video")
            kept = {key.lower() for key in again.metadata}
        if there != self.count:
            raise ImageError(f"{self.target} could not be written whole: is the disk full?")
        notes, lost = list(self.notes), [key for key in self.texts if key.lower() not in kept]
        if lost:
            notes.append(f"{self.target.suffix.lower()} has no place for {', '.join(lost)}: left out")
        if self.damaged:
            notes.append(f"damaged frames of the source, left out or still to be seen: {self.damaged}")
        if self.strayed:
            notes.append(f"frames without a time of their own, shown right after the one before: {self.strayed}")
        return tuple(notes)

    def _shift(self, source: InputContainer) -> Fraction:
        """By how much everything comes earlier: where MP4 shows nothing before its first frame, others begin there."""
        late = self.of_quicktime and "mp4" not in source.format.name
        return max(self.video.start, Fraction(0)) if late else Fraction(0)

    def _film(self, encoder: str, source: InputContainer) -> VideoStream:
        """The stream of the frames, which counts time as the source does."""
        colours, taken = self.video.colours, source.streams[self.video.stream]
        height, width = self.size
        film = self.container.add_stream(
            encoder, self.video.rate, QUALITY[encoder], width=width, height=height, time_base=taken.time_base
        )
        assert isinstance(film, VideoStream)  # as the encoder is one of videos
        context = film.codec_context
        context.pix_fmt, context.colorspace, context.color_range = "yuv420p", colours.matrix, ColorRange.MPEG
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        context.flags |= Flags.frame_duration  # or the last frame would last as long as a mean one
        if self.video.aspect and self.size == self.shape[:2]:
            context.sample_aspect_ratio = self.video.aspect
        film.metadata.update(_texts(taken))
        return film

    def _copies(self, source: InputContainer) -> Iterator[tuple[int, Stream]]:
        """The streams that are copied, each by the number of its source."""
        heard = _first_packets(self.video)
        for stream in source.streams:
            if stream.type in COPIED and _holds(self.format, stream, heard):
                copy = _added(self.container, stream)
                copy.metadata.update(_texts(stream))
                copy.disposition = stream.disposition
                yield stream.index, copy

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say what goes wrong while writing, with the file's name instead of its part's."""
        try:
            yield
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise ImageError(
                    f"{self.target} could not be written whole ({error.strerror}): is the disk full?"
                ) from error
            height, width = self.shape[:2]
            said = f"({error.strerror}, {width} x {height} pixels)"
            raise ImageError(f"{self.target} cannot be written {said}: try another format or size") from error


def _square(shape: tuple[int, ...], aspect: Fraction | None) -> tuple[int, ...]:
    """Rows and columns of pixels that are square, no fewer than before, in pairs."""
    stretch, one = aspect or Fraction(1), Fraction(1)
    return 2 * round(shape[0] / min(stretch, one) / 2), 2 * round(shape[1] * max(stretch, one) / 2)


def _first_packets(video: Video) -> dict[int, Packet]:
    """The first packet of each track of sound, by the number of its stream."""
    found: dict[int, Packet] = {}
    with opened(video.path) as container:
        for packet in container.demux(container.streams.audio):
            if packet.size:
                found.setdefault(packet.stream_index, packet)
            if len(found) == len(container.streams.audio):
                break
    return found


def _holds(name: str, stream: Stream, heard: dict[int, Packet]) -> bool:
    """Whether a format takes a stream as it is: a file in memory, with its first packet of sound, is the proof."""
    trial = av.open(io.BytesIO(), "w", name)
    try:
        copy = _added(trial, stream)
        trial.start_encoding()
        if packet := heard.get(stream.index):
            packet.stream = copy
            trial.mux(packet)
        trial.close()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _added(container: OutputContainer, stream: Stream) -> Stream:
    """A new stream of a container for the packets of another."""
    copy = container.add_stream_from_template(stream)
    if isinstance(copy, AudioStream) and copy.codec_context.layout.name in UNNAMED:  # AVI does not say which they are
        copy.codec_context.layout = UNNAMED[copy.codec_context.layout.name]
    return copy


def _texts(stream: Stream) -> dict[str, str]:
    """What a stream says of itself that stays true."""
    return {key: stream.metadata[key] for key in stream.metadata if key.lower() in OF_A_STREAM}


def _earlier(chapter: Chapter, seconds: Fraction) -> Chapter:
    """A chapter that begins and ends earlier."""
    ticks = round(seconds / (chapter["time_base"] or 1))
    return {**chapter, "start": max(0, chapter["start"] - ticks), "end": max(0, chapter["end"] - ticks)}


def _left_out(source: InputContainer, kept: list[int], suffix: str) -> list[str]:
    """Which streams are left out, in words; those of pictures are named where the source is read."""
    lost = Counter(
        (stream.type, stream.name or "of an unknown kind")
        for stream in source.streams
        if stream.index not in kept and stream.type != "video" and not _comes_anew(source, stream)
    )
    notes = []
    for (kind, name), count in lost.items():
        what = f"its {COPIED.get(kind, kind)} ({name}{f', {count} tracks' if count > 1 else ''})"
        notes.append(f"{suffix} cannot hold {what}: left out" if kind in COPIED else f"{what} is left out")
    return notes


def _comes_anew(source: InputContainer, stream: Stream) -> bool:
    """Whether a stream says only what the new file says in a stream of its own: chapters, and the time code."""
    return stream.type == "data" and (
        "timecode" in stream.metadata or (stream.name == "bin_data" and bool(source.chapters()))
    )
