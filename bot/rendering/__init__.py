"""What people see on Discord: values in, texts, embeds and buttons out; no IO."""
