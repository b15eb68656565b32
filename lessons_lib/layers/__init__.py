"""Keras layers of the book: basic ones, and those for overlapping blocks in the DCT domain."""

from lessons_lib.layers.basic import ICNR, BlurPool2D, CropLike, PixelShuffle
from lessons_lib.layers.dct import BlockMean, Shrink, SlidingDCT, SlidingIDCT, cosines

__all__ = [
    "ICNR",
    "BlockMean",
    "BlurPool2D",
    "CropLike",
    "PixelShuffle",
    "Shrink",
    "SlidingDCT",
    "SlidingIDCT",
    "cosines",
]
