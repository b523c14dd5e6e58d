"""The notebooks as documents: their metadata and reviews, the page that is made from them, and working copies."""
