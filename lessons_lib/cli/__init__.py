"""The `lessons` command: parses, calls, prints."""

from lessons_lib.cli.main import app

__all__ = ["app"]
