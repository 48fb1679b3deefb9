"""What the tasks of an MPI program ask of their step: who they are, where the others are, and to meet them."""
