"""Health of the stack: probes over the routes that users take, and outages."""
