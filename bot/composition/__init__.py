"""Where everything is put together: the only place that builds concrete things."""
