"""Proof of Assignment 2: the reference earns all, nothing earns nothing, and each wrong answer its declared loss."""

from . import proof

globals().update(proof.of("compress"))
