from trustengine.accounts.admin import erasures, people

__all__ = ["erasures", "people"]
