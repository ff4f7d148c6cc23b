"""The real engine under a simulated time, provider and Discord, with a crash at any touch of the outside world."""
