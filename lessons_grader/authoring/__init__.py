"""Assignments as their author writes them: one source, its variants, its checks, its versions."""
