"""Stores beside keybaton from which a consumer reads its secret: each in a module of its own."""
