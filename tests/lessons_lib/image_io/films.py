"""Small films that tests make with PyAV, and what another look at a film finds: its packets, undecoded."""

from fractions import Fraction

import av
import numpy as np

BASE = Fraction(1, 16000)  # the clock of their times
TIMES = (0, 0.033, 0.066, 2.0, 2.033, 2.066, 5.0)  # as a phone in the dark, or a screen recorder, takes them


def picture(number=0, size=(48, 64)):
    """Four smooth quarters of different colours; the first gets brighter from picture to picture."""
    made = np.zeros((*size, 3), np.uint8)
    half = size[0] // 2, size[1] // 2
    made[: half[0], : half[1]] = (20 * number % 240 + 15, 60, 10)
    made[: half[0], half[1] :] = (30, 200, 40)
    made[half[0] :, : half[1]] = (20, 50, 210)
    made[half[0] :, half[1] :] = (230, 220, 30)
    return made


def film(
    path,
    times=tuple(number / 25 for number in range(6)),
    size=(48, 64),
    *,
    encoder="libx264",
    layout="yuv420p",
    context=None,
    turn=None,
    texts=None,
    sound=None,
    cover=False,
    chapters=(),
    options=None,
    again=0,
    base=BASE,
    frame=None,
    track_texts=None,
):
    """Write a film of pictures at these times, in seconds; returns its path.

    `context` sets values of the encoder, `turn` is (degrees, mirrored), `sound` the name of an encoder, `again` the
    number of further tracks of the same pictures (-1: none at all), `frame` a function of each picture as a frame,
    `track_texts` what the track says of itself.
    """
    with av.open(str(path), "w", container_options=options or {}) as made:
        made.metadata.update(texts or {})
        tracks = []
        for _ in range(1 + again):
            how = {"crf": "1"} if encoder == "libx264" else {}
            track = made.add_stream(encoder, 25, how, width=size[1], height=size[0], pix_fmt=layout, time_base=base)
            for name, value in (context or {}).items():
                setattr(track.codec_context, name, value)
            track.metadata.update(track_texts or {})
            track.codec_context.flags |= av.codec.context.Flags.frame_duration
            if turn:
                track.set_display_rotation(turn[0], hflip=turn[1])
            tracks.append(track)
        heard = made.add_stream(sound, 48000) if sound else None
        glued = _cover(made) if cover else None
        made.set_chapters(list(chapters))
        made.start_encoding()
        if glued:
            made.mux(glued)
        for number, time in enumerate(times):
            stored = av.VideoFrame.from_ndarray(picture(number, size), "rgb24")
            stored = frame(stored) if frame else stored
            stored.pts, stored.time_base, stored.duration = round(time / base), base, round(Fraction(1, 25) / base)
            for track in tracks:
                made.mux(track.encode(stored))
        for track in tracks:
            made.mux(track.encode())
        if heard:
            speak(made, heard, times[0], times[-1] + 0.04)
    return path


def _cover(made):
    """A picture for the shelf, in the file of a film, as a packet still to be written."""
    track = made.add_stream("png", 1, width=16, height=16, pix_fmt="rgb24")
    track.disposition = av.stream.Disposition.attached_pic
    packets = track.encode(av.VideoFrame.from_ndarray(picture(0, (16, 16)), "rgb24"))
    return packets + track.encode()


def speak(made, track, start, end):
    """A tone from start to end, in seconds."""
    wave = np.sin(np.arange(round((end - start) * 48000)) * 0.06).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, round(start * 48000), Fraction(1, 48000)
    made.mux(track.encode(frame))
    made.mux(track.encode())


def packets(path, kind="video"):
    """What the packets of the first stream of a kind say and hold: (time in seconds, bytes), in the order of time."""
    with av.open(str(path)) as container:
        track = container.streams.get({kind: 0})[0]
        found = [packet for packet in container.demux(track) if packet.size]
        return sorted(
            ((packet.pts * packet.time_base, bytes(packet)) for packet in found if not packet.is_discard),
            key=lambda pair: pair[0],
        )


def times(path, kind="video"):
    """Times of a stream's packets, in seconds."""
    return [float(time) for time, _ in packets(path, kind)]


def starts(path):
    """When the first frame is seen, and the first sound heard, in seconds: both decoded."""
    with av.open(str(path)) as container:
        seen = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        return seen, next(container.decode(audio=0)).time


def damaged(path, count):
    """A film of 60 pictures, the first `count` after the third of them filled with zeros."""
    film(path, [number / 25 for number in range(60)], encoder="mjpeg", layout="yuvj420p")
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place, size in places[3 : 3 + count]:
        data[place : place + size] = bytes(size)
    path.write_bytes(data)
    return path
