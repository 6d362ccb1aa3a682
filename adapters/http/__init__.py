"""The HTTP API: who may call, routes, events, and what errors look like there."""
