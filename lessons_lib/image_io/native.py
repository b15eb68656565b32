"""The way to `lessons_lib.native` for those who know it from here."""

from lessons_lib.native import native_stderr_off

__all__ = ["native_stderr_off"]
