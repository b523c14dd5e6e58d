"""Whether users are served: probes over the routes they take."""
