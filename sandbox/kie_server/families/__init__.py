"""The provider's video models as data, one module per family; credits are those of September 2026."""
