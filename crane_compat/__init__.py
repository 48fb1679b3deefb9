"""A scheduler for HPC and AI clusters that takes the place of Slurm and LSF."""

#: Our own version (`crane --version`).
__version__ = "0.1.0"

#: What the Slurm-named programs say they are (`squeue --version`); programs parse it and switch on it.
SLURM_VERSION = "25.11.7"
