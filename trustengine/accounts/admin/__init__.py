from trustengine.accounts.admin import erasures, oidc, people, security, sign_in, suspensions

__all__ = ["erasures", "oidc", "people", "security", "sign_in", "suspensions"]
