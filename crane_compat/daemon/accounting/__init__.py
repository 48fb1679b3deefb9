"""The accounting daemon (`cranedbd`, `slurmdbd`): sockets around crane_compat.accounting."""
