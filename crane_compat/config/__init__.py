"""Configuration as the daemons use it: loading, and what scontrol shows of it."""
