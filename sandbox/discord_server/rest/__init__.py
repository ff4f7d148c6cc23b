"""The REST routes of API v10, one module per family; each turns a request into a call and its result into JSON."""
