"""A record as people read it: pages that are made only from the files of the record."""
