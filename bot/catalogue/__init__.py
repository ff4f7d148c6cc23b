"""The video models that are sold, one TOML file each, and the loader that checks them."""
