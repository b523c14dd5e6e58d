"""The notebooks as documents: what they say of themselves, the page they make, copies to work in."""
