"""Keras layers of the book: the basic ones, and those for overlapping blocks of cosines (DCT)."""

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
