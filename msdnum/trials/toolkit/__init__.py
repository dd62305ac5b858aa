"""The toolkit's own claims: bounds hold, bits agree, a user's tensor."""
