"""A cluster on one machine: what `crane up`, `status` and `down` do."""
