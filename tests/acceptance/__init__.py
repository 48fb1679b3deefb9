"""Whole clusters, by their commands: what users and admins rely on, and what they must survive."""
