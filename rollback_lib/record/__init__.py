"""What we can prove afterwards."""
