from trustengine.accounts.admin import erasures, oidc, passwords, people, security, sign_in, suspensions

__all__ = ["erasures", "oidc", "passwords", "people", "security", "sign_in", "suspensions"]
