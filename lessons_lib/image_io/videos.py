"""Video files: frames in, frames out, through OpenCV. Sound is not carried over."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from lessons_lib.images import ImageError

READABLE = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}
CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".avi": "MJPG"}
# What FFmpeg finds wrong with a file is said by us, once: it would write to the terminal itself.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclasses.dataclass(frozen=True)
class Video:
    """A video file that can be read: its frames in number, and how many of them a second shows."""

    path: Path
    count: int
    rate: float

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame, (H, W, 3) uint8 RGB, upright. Raises ImageError if the file ends before its last frame."""
        capture, number = cv2.VideoCapture(str(self.path)), 0
        try:
            while (read := capture.read())[0]:
                number += 1
                yield np.ascontiguousarray(read[1][..., ::-1])
        finally:
            capture.release()
        if number < 0.95 * self.count - 1:  # some formats only estimate their number
            raise ImageError(f"{self.path} ends after {number} of {self.count} frames: copy or download it again")


def open_video(path: str | os.PathLike) -> Video:
    """Look at a video file. Raises FileNotFoundError, or ImageError if there is no frame to read in it."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}: check the spelling and the folder you run in")
    capture = cv2.VideoCapture(str(path))
    try:
        count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
        if not capture.isOpened() or not capture.read()[0]:
            raise ImageError(f"{path} holds no frame that can be read: it is no video, or cut short")
    finally:
        capture.release()
    return Video(path, max(int(count), 0), rate if 0 < rate < 1000 else 25.0)


def map_frames(
    video: Video, target: Path, function: Callable[[np.ndarray], np.ndarray], progress: Callable[[int, int], None]
) -> None:
    """Write `function(frame)` of every frame, uint8 RGB of one size, to a video that appears whole or not at all.

    Sides become even, as the formats want them: a last odd row or column is repeated.

    The suffix of `target` names the format: .mp4, .m4v, .mov (MPEG-4) or .avi (Motion JPEG). Raises ImageError for
    another one, if the source is cut short, and if the disk is full, which OpenCV does not tell: the written file is
    opened again and its frames are counted.
    """
    if target.suffix.lower() not in CODECS:
        raise ImageError(f"videos ending in {target.suffix!r} cannot be written: use one of {', '.join(CODECS)}")
    part = target.with_name(f".{target.name}.{os.getpid()}.part{target.suffix}")  # OpenCV takes the format from the end
    writer, number = None, 0
    try:
        for number, frame in enumerate(video.frames(), 1):
            restored = _even(function(frame))
            if writer is None:
                code = cv2.VideoWriter.fourcc(*CODECS[target.suffix.lower()])
                writer = cv2.VideoWriter(str(part), code, video.rate, restored.shape[1::-1])
                if not writer.isOpened():
                    raise ImageError(f"{target} cannot be written: choose another folder, or .avi")
            writer.write(np.ascontiguousarray(restored[..., ::-1]))
            progress(number, video.count)
        if writer is None:
            raise ImageError(f"{video.path} holds no frame that can be read: it is no video, or cut short")
        writer.release()
        if open_video(part).count != number:
            raise ImageError(f"{target} could not be written whole: is the disk full?")
        part.replace(target)
    finally:
        if writer is not None:
            writer.release()
        part.unlink(missing_ok=True)


def _even(frame: np.ndarray) -> np.ndarray:
    """OpenCV would cut the odd row or column off."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
