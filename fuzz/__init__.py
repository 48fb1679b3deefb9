"""Fuzzing of every grammar: ``python -m fuzz NAME --seconds N`` (README.md)."""
