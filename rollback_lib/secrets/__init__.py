"""Secret values that do not print themselves, and the redactor that masks secrets in text."""
