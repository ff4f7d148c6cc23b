"""Thin Discord adapters, one module or package per command family: they translate, the services decide."""
