"""Small experiments, each printing its own table; see README.md."""
