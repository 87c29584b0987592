from billing.admin.plans import PlanVersionAdmin
from billing.admin.subscriptions import SubscriptionAdmin
from billing.admin.usage import UsagePeriodAdmin

__all__ = ["PlanVersionAdmin", "SubscriptionAdmin", "UsagePeriodAdmin"]
