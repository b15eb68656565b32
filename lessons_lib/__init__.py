"""What the chapters of *From pixels to RIDNet* share. Images are float32 in [0, 1], channels last, RGB."""

import os
import sys

from lessons_lib._moved import MovedFinder

# TensorFlow greets with a page of messages about the processor; a learner should see errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.meta_path.append(MovedFinder)  # until version 0.3
