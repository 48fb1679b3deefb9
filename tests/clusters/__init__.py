"""Clusters for tests and benchmarks: ours, and Debian's Slurm to hold it against."""
