"""What the API answers with: one file per noun, typed, in words of the domain."""
