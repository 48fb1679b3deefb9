"""Recordings of real schedulers, replayed on a cluster of ours."""
