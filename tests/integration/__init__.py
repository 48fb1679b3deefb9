"""Real daemons of the controller, the nodes and the transport together, reached by their own protocol."""
