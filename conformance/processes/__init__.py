"""Real processes as a stage: puppets, namespaces, observed ends."""
