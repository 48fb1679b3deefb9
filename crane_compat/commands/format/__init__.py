"""How records are shown: fields and columns for tables, blocks of ``Key=value`` for scontrol."""
