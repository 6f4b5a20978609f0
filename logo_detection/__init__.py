"""What the logo detector is: bytes or a URL in, a score out. No HTTP server, no training."""
