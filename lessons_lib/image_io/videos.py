"""Video files: frames in, frames out, through FFmpeg (PyAV); their times, shape of pixels, sound and date are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from av.packet import Packet

from lessons_lib import images
from lessons_lib.image_io.video_reading import READABLE, Video, open_video, opened
from lessons_lib.image_io.video_writing import CODECS, VideoWriter, check_suffix
from lessons_lib.images import ImageError

__all__ = ["CODECS", "READABLE", "Video", "check_suffix", "map_frames", "open_video"]


def map_frames(
    video: Video, target: Path, function: Callable[[np.ndarray], np.ndarray], progress: Callable[[int, int], None]
) -> tuple[str, ...]:
    """Write `function(frame)` of every frame, uint8 RGB of one size, to a video that appears whole or not at all.

    Each frame has the time of its source; sound and subtitles are copied as they are. Frames are written upright, as
    they are shown: no format and no player then needs to turn them, and WebM could not say so. Sides become even, as
    the formats want them: a last odd row or column is repeated.

    The suffix of `target` names the format: .mp4, .m4v, .mov, .mkv (H.264) or .webm (VP9). Returns what could not be
    kept, one sentence each, `video.notes` among them. Raises ImageError for another suffix, if too much of the
    source is damaged, and if the disk is full.
    """
    check_suffix(target)
    if not target.parent.is_dir():
        raise ImageError(f"{target} cannot be written: there is no folder {target.parent}")
    part = images.part_of(target)
    try:
        with opened(video.path) as source:
            parts, waiting = video.parts(source), []
            while isinstance(first := next(parts), Packet):
                waiting.append(first)
            pixels = _even(function(video.upright(first)))
            with VideoWriter(part, target, video, source, pixels.shape) as writer:
                for packet in waiting:
                    writer.copy(packet)
                writer.add(first, pixels)
                progress(writer.count, video.count)
                for each in parts:
                    if isinstance(each, Packet):
                        writer.copy(each)
                    else:
                        writer.add(each, _even(function(video.upright(each))))
                        progress(writer.count, video.count)
                notes = (*video.notes, *writer.finish())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return notes


def _even(frame: np.ndarray) -> np.ndarray:
    """Colours at half the resolution want pairs of rows and columns."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
