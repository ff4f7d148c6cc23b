"""Thin Discord adapters, one module per command family: they translate, the services decide."""
