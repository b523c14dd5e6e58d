"""Speed, side by side with the page and other tools."""
