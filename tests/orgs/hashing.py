"""A hasher like the real one, but quick, and it counts."""

from django.contrib.auth.hashers import Argon2PasswordHasher

NAME = f"{__name__}.Counting"


class Counting(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 8
    parallelism = 1
    computed: list[str] = []

    def encode(self, password, salt):
        self.computed.append("encode")
        return super().encode(password, salt)

    def verify(self, password, encoded):
        self.computed.append("verify")
        return super().verify(password, encoded)
