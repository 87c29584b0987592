from trustengine.accounts.admin import erasures, people, suspensions

__all__ = ["erasures", "people", "suspensions"]
