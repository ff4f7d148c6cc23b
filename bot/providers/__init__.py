"""One module per provider's wire format; the only place that knows a provider's vocabulary."""
