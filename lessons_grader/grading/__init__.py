"""Submissions in, records out."""
