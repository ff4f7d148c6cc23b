"""Proof by machines that nothing is lost and nothing doubled: `python -m chaos` breaks the product on purpose."""
